/** @file Starts the runner as a process of its own, which outlives the window. */

import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { constants, setPriority } from 'node:os';
import path from 'node:path';
import type { Failure } from '../../protocol/runner';
import { failureIn } from './failure';

export interface Ended {
  /** 0 done, 1 failed, 2 the input is wrong; null when it was killed. */
  code: number | null;
  /** The document on standard output, where it is one. */
  document: unknown;
  /** What it said on standard error, without empty lines. */
  lines: string[];
  /** Why it could not do what it was started for, where it could say. */
  failure?: Failure | undefined;
}

export interface RunnerProcess {
  pid: number | undefined;
  /** Where standard error goes. */
  errorFile: string;
  ended: Promise<Ended>;
}

/** Starts the command line of this product with these arguments. What it prints is kept in `folder`. */
export type StartRunner = (args: readonly string[], options: { cwd: string }) => RunnerProcess;

/**
 * Detached, and its output goes to files: a pipe would end it together with the window. In Electron the executable is the
 * editor's own, which ELECTRON_RUN_AS_NODE turns into Node. `environment` is for what the editor's own does not say.
 */
export function runnerStarter(program: string, folder: string, environment: NodeJS.ProcessEnv = {}): StartRunner {
  let count = 0;
  return (args, { cwd }) => {
    mkdirSync(folder, { recursive: true });
    const name = path.join(folder, `${process.pid}-${++count}`);
    const outputFile = `${name}.out.json`;
    const errorFile = `${name}.err.txt`;
    const [output, error] = [openSync(outputFile, 'w'), openSync(errorFile, 'w')];
    const child = spawn(process.execPath, [program, ...args, '--json'], {
      cwd,
      detached: true,
      windowsHide: true,
      stdio: ['ignore', output, error],
      env: { ...environment, ...process.env, ELECTRON_RUN_AS_NODE: '1' },
    });
    closeSync(output);
    closeSync(error);
    child.unref();
    stepBack(child.pid);
    return { pid: child.pid, errorFile, ended: whenEnded(child, outputFile, errorFile) };
  };
}

/** Lets the editor go first where both want the processor. */
function stepBack(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    setPriority(pid, constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // It has ended already, or this system does not let us.
  }
}

async function whenEnded(child: ChildProcess, outputFile: string, errorFile: string): Promise<Ended> {
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', resolve);
  });
  const text = await readFile(errorFile, 'utf8');
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '');
  const document = parse(await readFile(outputFile, 'utf8'));
  const failure = code === 0 ? undefined : failureIn(document);
  return { code, document, lines, failure };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
