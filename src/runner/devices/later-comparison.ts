/** @file Compares the processor's engines after a run that has begun without that, in a process which outlives it: nobody waits for its end. */

import { spawn } from 'node:child_process';
import os from 'node:os';
import path from 'node:path';
import { dataFolder, librariesFolder } from '../../engine/libraries';
import type { Precision } from '../../protocol/engines';
import { ableEngines, isCompared, isSure } from './choose-engine';
import { machineFacts } from './expected-engine';
import { compareEngines } from './measure';
import { findOf, remembered } from './measurements';
import { isAnyDeviceHeld } from './queue';

/** Starts this program once more. Where that cannot be, the next run begins as this one has. */
export function compareLater(precision: Precision, program = process.argv[1]!): void {
  const named = { DISTILLERY_DATA: dataFolder(), DISTILLERY_LIBRARIES: librariesFolder() };
  const absolute = Object.entries(named).map(([name, folder]) => [name, path.resolve(folder)] as const);
  const child = spawn(process.execPath, [program, 'compare-engines', '--precision', precision], {
    // Nothing of the run's is held by it: no folder, no terminal, no pipe.
    ...{ cwd: os.homedir(), detached: true, stdio: 'ignore', windowsHide: true },
    env: { ...process.env, ...Object.fromEntries(absolute) },
  });
  child.on('error', () => undefined);
  child.unref();
}

/** In the process of its own, with what of the processor nobody else wants. Not beside a run: it would disturb that, and count for nothing. */
export async function compareNow(precision: Precision): Promise<void> {
  if (await isAnyDeviceHeld()) return;
  const engines = ableEngines(precision, machineFacts()).filter(isCompared);
  const { compared } = await remembered();
  if (engines.every((name) => isSure(findOf(compared, name, precision)))) return;
  os.setPriority(os.constants.priority.PRIORITY_LOW);
  await compareEngines(engines, [], precision);
}
