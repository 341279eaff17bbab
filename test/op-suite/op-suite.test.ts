/** @file tfjs's op tests on the backends that are here. */

import { it } from 'vitest';
import { findLibrary } from '../../src/engine/libraries';
import { torture } from '../torture';
import { passes } from './passes';

/** Far more than it takes; a suite that hangs must end. */
const LIMIT = 600_000;

/** Of how many tests one stands for the others, but for `npm run torture`, which runs them all. */
const oneIn = (count: number): number => (torture ? 1 : count);

it('tfjs-cpu passes the op tests', () => passes('tfjs-cpu', 'tfjs-cpu', [], oneIn(16)), LIMIT);

it('what is recorded passes the op tests on onnxruntime', () => passes('cpu', 'recorded', ['cpu'], oneIn(16)), LIMIT);

const withOpenVino = it.skipIf(findLibrary('openvino') === undefined);
withOpenVino(
  'what is recorded passes the op tests on OpenVINO',
  // Each operation is compiled as a graph of its own, which takes its time.
  () => passes('openvino', 'recorded', ['openvino'], oneIn(96)),
  LIMIT,
);

const withTensorflow = it.skipIf(findLibrary('tensorflow') === undefined);
withTensorflow('tfjs-node passes the op tests', () => passes('tfjs-node', 'tfjs-node', [], oneIn(16)), LIMIT);
