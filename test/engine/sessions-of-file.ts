/** @file For the tests of a file that train the same pairs again and again: a graph is compiled once for all of them. */

import * as ort from 'onnxruntime-node';
import { afterAll, beforeAll } from 'vitest';
import { shareSessions } from './shared-sessions';

export function sharingSessions(): void {
  let end: (() => void) | undefined;
  beforeAll(() => {
    end = shareSessions(ort);
  });
  afterAll(() => end?.());
}
