/** @file The op tests against libtensorflow, which tfjs-node's own kernels call. */

import { openExecutor } from '../../src/engine/engines';
import { runSuite } from './suite';

await openExecutor('tfjs-node', { threads: 1 });
await runSuite({ backend: 'tensorflow', isDataSync: true, exclude: [] });
