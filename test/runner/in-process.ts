/**
 * @file A command line carried out in this process: all that the program does but its start, each graph compiled once. For tests of what a command says and leaves, where others of
 * the same verb start the program; not for what is about a process: its signals, its end, what it has loaded, or what lies beside its bundle.
 */

import * as ort from 'onnxruntime-node';
import { vi } from 'vitest';
import { runCommandLine } from '../../src/runner/command-line/command-line';
import { shareSessions } from '../engine/shared-sessions';
import { dataOf, runnerFile, type Outcome } from './program';

let isBusy = false;

/** As `distillery` of program.ts. Folder, environment and streams are the process's own: one after the other. */
export async function distilleryHere(
  args: readonly string[],
  cwd: string,
  environment: NodeJS.ProcessEnv = {},
): Promise<Outcome> {
  if (isBusy) throw new Error('A process carries out one command line at a time.');
  isBusy = true;
  const before = { cwd: process.cwd(), env: { ...process.env }, code: process.exitCode, program: process.argv[1]! };
  const [stdout, stderr] = [process.stdout, process.stderr].map(listenTo) as [Heard, Heard];
  const compileAll = shareSessions(ort);
  try {
    process.chdir(cwd);
    Object.assign(process.env, { DISTILLERY_DATA: dataOf(cwd) }, environment);
    process.exitCode = 0;
    // What the program starts for itself is the program.
    process.argv[1] = runnerFile;
    await runCommandLine([process.execPath, runnerFile, ...args]);
    return { code: process.exitCode, signal: null, stdout: stdout.said(), stderr: stderr.said() };
  } finally {
    compileAll();
    stdout.end();
    stderr.end();
    process.exitCode = before.code;
    process.argv[1] = before.program;
    process.chdir(before.cwd);
    for (const name of Object.keys(process.env)) if (!(name in before.env)) Reflect.deleteProperty(process.env, name);
    Object.assign(process.env, before.env);
    isBusy = false;
  }
}

/** As `document` of program.ts. */
export async function documentHere<T>(
  args: readonly string[],
  cwd: string,
  environment?: NodeJS.ProcessEnv,
): Promise<T> {
  const { code, stdout, stderr } = await distilleryHere([...args, '--json'], cwd, environment);
  if (code !== 0) throw new Error(`exit code ${code}: ${stderr}`);
  return JSON.parse(stdout) as T;
}

interface Heard {
  said: () => string;
  end: () => void;
}

/** What is written to a stream is kept in place of being written; who has come to listen to it goes in the end. */
function listenTo(stream: NodeJS.WriteStream): Heard {
  const listeners = stream.listeners('error');
  let said = '';
  const write = vi.spyOn(stream, 'write').mockImplementation((chunk, ...rest: unknown[]) => {
    said += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString();
    const written = rest.at(-1);
    if (typeof written === 'function') (written as () => void)();
    return true;
  });
  return {
    said: () => said,
    end: () => {
      write.mockRestore();
      for (const listener of stream.listeners('error'))
        if (!listeners.includes(listener)) stream.off('error', listener as () => void);
    },
  };
}
