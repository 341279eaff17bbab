import { it } from 'vitest';
import { passes } from '../op-suite/passes';
import { torture } from '../torture';
import { describeOnEach } from './executors';

/** Far more than it takes; a suite that hangs must end. */
const LIMIT = 900_000;

/** What is left out, and why, is known of the imitated GPU. */
const imitated = /swiftshader|lvp/.test(process.env.VK_ICD_FILENAMES ?? '');

describeOnEach('every operation of its own', () => {
  it.runIf(imitated)(
    'passes the op tests of tfjs',
    () => passes('webgpu', 'recorded', ['webgpu'], torture ? 1 : 40),
    LIMIT,
  );
});
