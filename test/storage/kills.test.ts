/**
 * @file A sweep, with its teacher, students, controls, caches, evaluations and exports, killed at any moment (kill -9) and started again until it
 * is done: each time it comes out as one that was never interrupted, to the last bit.
 */

import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { RunRecord } from '../../src/protocol/records';
import { countOr, Ledger, tellFigures, torture } from '../torture';
import { runnerFile, start } from '../runner/program';
import { emptyFolder, FILE, runsIn, unbegunIn, writeSmallWorkspace } from './small-workspace';

const kills = countOr('DISTILLERY_KILLS', 1000, 5);

const base = emptyFolder(`distillery-kills-${process.pid}`);
afterAll(() => rmSync(base, { recursive: true, force: true }));

function sweepWorkspace(name: string): string {
  const workspace = path.join(base, name);
  writeSmallWorkspace(workspace, { controls: ['no-distillation'], sweep: { 'distillation.temperature': [1, 4] } });
  return workspace;
}

const models = ['teacher/model', 'student', 'controls/no-distillation/student'];

/** By run and model, in the order of the combinations. A run that takes another's teacher has none. */
function weightsOf(workspace: string): (Buffer | undefined)[][] {
  const runs = runsIn(workspace).sort((a, b) => recordOf(a).name.localeCompare(recordOf(b).name));
  return runs.map((run) =>
    models.map((model) => {
      const file = path.join(run, model, 'model.safetensors');
      return existsSync(file) ? readFileSync(file) : undefined;
    }),
  );
}

const recordOf = (run: string): RunRecord => JSON.parse(readFileSync(path.join(run, 'run.json'), 'utf8')) as RunRecord;

let expected: (Buffer | undefined)[][];
/** What a sweep takes, and what it takes to its first run's folder, as {@link timeOf} counts it. */
let duration: number;
let beginning = 0;

/**
 * When a process is killed, as {@link timeOf} counts it: anywhere in a sweep; in the ordinary suite soon, so that twenty that go on with one sweep take
 * little longer than it. Some of these still come further than the one before.
 */
const moment = (): number => Math.random() * (torture ? duration : beginning + (duration - beginning) / LIVES);
const LIVES = 4;

/** Milliseconds of the processor that a process has had, which do not depend on what else the machine does; where the system does not tell, those since `began`. */
function timeOf(pid: number, began: number): number {
  try {
    // Behind the name, which may hold spaces: utime and stime are the 12th and 13th, in hundredths.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ');
    return 10 * (Number(fields[11]) + Number(fields[12]));
  } catch {
    return performance.now() - began;
  }
}

/** Resolves once a process has had so much time, or has ended; with what it has had. `look` is called with that now and then. */
async function until(
  { child, outcome }: ReturnType<typeof start>,
  time: number,
  look?: (had: number) => void,
): Promise<number> {
  const began = performance.now();
  let had = 0;
  while (child.exitCode === null && had < time) {
    had = timeOf(child.pid!, began);
    look?.(had);
    await Promise.race([delay(5), outcome]);
  }
  return had;
}

async function uninterrupted(): Promise<(Buffer | undefined)[][]> {
  const workspace = sweepWorkspace('uninterrupted');
  const sweep = start(['sweep', FILE], workspace);
  duration = await until(sweep, Infinity, (had) => {
    if (beginning === 0 && runsIn(workspace).length > 0) beginning = had;
  });
  expect((await sweep.outcome).code).toBe(0);
  const found = weightsOf(workspace);
  rmSync(workspace, { recursive: true, force: true });
  return found;
}

beforeAll(async () => {
  expected = await uninterrupted();
  expect(expected.flat().filter(Boolean)).toHaveLength(5);
});

/** What the sweep was at when it was killed, by what is there: what run.json says is a moment old. */
function stageOf(workspace: string): string {
  const [run] = runsIn(workspace).sort().reverse();
  if (run === undefined) return 'start';
  const has = (...names: string[]): boolean => existsSync(path.join(run, ...names));
  const files = readdirSync(run, { recursive: true }) as string[];
  if (files.some((name) => /(model|student)\.tmp-[0-9a-f]+$/.test(name))) return 'export';
  if (!has('run.json')) return 'between runs';
  const { progress, status } = recordOf(run);
  if (status === 'done') return 'between runs';
  if (progress?.phase === 'comparing' || has(models[2]!)) return 'comparison';
  if (progress?.phase === 'evaluating') return 'evaluation';
  if (has('controls') || has('student')) return 'control';
  if (has('checkpoints')) return 'student';
  if (has(models[0]!)) return 'cache';
  return has('teacher') ? 'teacher' : 'start';
}

function expectSame(found: (Buffer | undefined)[][], what: string): void {
  expect(found.map((run) => run.length)).toEqual(expected.map((run) => run.length));
  found.flat().forEach((bytes, i) => {
    const wanted = expected.flat()[i];
    expect(bytes?.equals(wanted!) ?? wanted === undefined, `model ${i} of ${what}`).toBe(true);
  });
}

it(
  `killed ${kills} times at any moment, a sweep comes out bit for bit as one that was never interrupted`,
  async () => {
    const ledger = new Ledger('kills', runnerFile, { kills: 0, sweeps: 0, stages: {} });
    let { kills: killed, sweeps } = ledger.tried;
    const stages: Record<string, number> = { ...ledger.tried.stages };
    while (killed < kills && ledger.left > 0) {
      const workspace = sweepWorkspace('killed');
      for (let ended = false; !ended;) {
        const sweep = start(['sweep', FILE], workspace);
        if (killed < kills) {
          await until(sweep, moment());
          sweep.child.kill('SIGKILL');
        }
        const { code, signal, stderr } = await sweep.outcome;
        if (signal === 'SIGKILL') {
          killed++;
          const stage = stageOf(workspace);
          stages[stage] = (stages[stage] ?? 0) + 1;
          continue;
        }
        expect(code, stderr).toBe(0);
        ended = true;
      }
      sweeps++;
      expectSame(weightsOf(workspace), `sweep ${sweeps}`);
      // One that is empty may be of a process that is about to take its lock: whoever begins a run a minute later removes it.
      expect(unbegunIn(workspace).filter((run) => readdirSync(run).length > 0)).toEqual([]);
      rmSync(workspace, { recursive: true, force: true });
      ledger.keep({ kills: killed, sweeps, stages });
    }
    tellFigures('kills', { what: 'kill −9 of a sweep', kills: killed, sweeps, ...stages, ...ledger.sittings });
  },
  12 * 3_600_000,
);
