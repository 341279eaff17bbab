/** @file Tries to take the lock of a folder, says "taken" or "refused", and stays until it is killed. */

import { writeFileSync } from 'node:fs';
import { acquireLock, LockedError } from '../../../src/run-directory/lock';

setInterval(() => undefined, 1000);
acquireLock(process.argv[2]!).then(
  () => writeFileSync(1, 'taken\n'),
  (error: unknown) => writeFileSync(1, error instanceof LockedError ? 'refused\n' : `${String(error)}\n`),
);
