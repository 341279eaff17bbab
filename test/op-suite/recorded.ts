/** @file The op tests against what is recorded: each operation as a graph of its own, on the executor that the process is told. */

import { openExecutor, type Engine } from '../../src/engine/engines';
import { kernelsLeftOut, testsLeftOut } from './exclusions';
import { registerOneOpBackend } from './one-op-backend';
import { runSuite } from './suite';

const BACKEND = 'one-op';

const engine = process.argv[3] as Engine;
registerOneOpBackend(BACKEND, await openExecutor(engine, { threads: 1 }));
await runSuite({
  backend: BACKEND,
  isDataSync: false,
  exclude: [...kernelsLeftOut, ...testsLeftOut(engine)],
  oneIn: Number(process.argv[4] ?? 1),
});
