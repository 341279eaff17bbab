/** @file The op tests against tfjs's plain JavaScript backend: every one passes there, which shows that the harness is right. */

import '@tensorflow/tfjs-backend-cpu';
import { runSuite } from './suite';

await runSuite({ backend: 'cpu', isDataSync: true, exclude: [], oneIn: Number(process.argv[3] ?? 1) });
