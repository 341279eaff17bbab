/** @file Before and after each journey, in whatever file. */

import { afterAll, afterEach, beforeEach } from 'vitest';
import { beginTest, endFile, endTest } from './endings';
import { pictureAll } from './workbench';

beforeEach(beginTest);
afterEach(async ({ task }) => {
  // A last picture for whoever looks into it.
  if (task.result?.state === 'fail') await pictureAll(`failed: ${task.name}`);
  await endTest();
});
afterAll(endFile);
