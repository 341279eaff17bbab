/**
 * @file What the processor's engines are compared by: training steps of a tiny pair, taken by each in turn, so that whatever else the machine does slows
 * all of them. Of all pairs that the benchmark measures, of 4 to 4,700 ms a step, the same engine is the fastest (decision 110).
 */

import os from 'node:os';
import type { Executor } from '../../engine/executor';
import { smallTraining, takeStep, type MadeUp, type Speed } from './small-step';

/** The benchmark's tiny decoder: every kind of kernel, and compiled in little time. */
const tiny: MadeUp = {
  teacher: { layers: 4, hiddenSize: 128, heads: 4 },
  student: { layers: 2, hiddenSize: 64, heads: 2 },
  vocabularySize: 1024,
  rows: 4,
  length: 64,
};

/** Memory and caches are warm after these. */
const WARM_UP_ROUNDS = 2;
/** Enough where the same engine is the fastest in each of them. */
const FEWEST_ROUNDS = 6;
const MOST_ROUNDS = 24;
/** On a slow or busy machine fewer do, in milliseconds. */
const LONG_ENOUGH = 3000;

/** Of the processor, what others use while engines are compared: from here on the clock tells how the system shares it out among threads, not how fast an engine is. */
const BUSY_SHARE = 0.2;

/** In milliseconds: by the clock, and of the processor. */
interface Times {
  wall: number[];
  processor: number[];
}

/**
 * Loads the program on each executor, and times them in turn: by the clock, and on a machine that others keep busy by what of the processor a step takes.
 * @returns by the executors' names how fast each is, or why it could not be timed, which hinders no other
 */
export async function compareByQuickStep(
  executors: ReadonlyMap<string, Executor>,
): Promise<Map<string, Speed | { failed: unknown }>> {
  const found = new Map<string, Speed | { failed: unknown }>();
  const steps = new Map<string, () => Promise<void>>();
  const times = new Map<string, Times>();
  const attempt = async (name: string, task: () => Promise<void>): Promise<void> => {
    try {
      await task();
    } catch (failed) {
      found.set(name, { failed });
      steps.delete(name);
      times.delete(name);
    }
  };
  for (const [name, executor] of executors) {
    times.set(name, { wall: [], processor: [] });
    await attempt(name, async () => {
      const trainer = smallTraining(executor, WARM_UP_ROUNDS + MOST_ROUNDS, tiny);
      await takeStep(trainer);
      steps.set(name, () => takeStep(trainer));
    });
  }
  const others = shareOfOthers();
  const started = performance.now();
  const decisive = (): number[][] => {
    const isBusy = others() > BUSY_SHARE;
    return [...times.values()].map(({ wall, processor }) => (isBusy ? processor : wall));
  };
  for (let round = 1 - WARM_UP_ROUNDS; round < MOST_ROUNDS; round++) {
    for (const [name, step] of [...steps]) {
      await attempt(name, async () => {
        const before = processorTime();
        const began = performance.now();
        await step();
        const { wall, processor } = times.get(name)!;
        if (round < 0) return;
        wall.push(performance.now() - began);
        processor.push(processorTime() - before);
      });
    }
    const isLong = performance.now() - started > LONG_ENOUGH;
    if (round + 1 >= FEWEST_ROUNDS && (isLong || hasOneFastest(decisive()))) break;
  }
  const isBusy = others() > BUSY_SHARE;
  for (const name of steps.keys()) {
    const { wall, processor } = times.get(name)!;
    // Whatever else the machine does only makes a step slower.
    const stepMs = Math.min(...(isBusy ? processor : wall));
    found.set(name, {
      stepMs,
      tokensPerSecond: ((tiny.rows * tiny.length) / stepMs) * 1000,
      ...(isBusy && { ofProcessor: true }),
    });
  }
  return found;
}

/** @param times of each round, of each engine */
export function hasOneFastest(times: readonly (readonly number[])[]): boolean {
  return times.some((own) => times.every((other) => own === other || own.every((took, round) => took < other[round]!)));
}

/** This process's, of all its threads, in milliseconds. */
function processorTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** From now on: of the machine's processors, what is used by others than this process. */
function shareOfOthers(): () => number {
  const machine = (): { all: number; idle: number } => {
    const cpus = os.cpus().map(({ times }) => times);
    const all = cpus.reduce((sum, times) => sum + Object.values(times).reduce((a, b) => a + b), 0);
    return { all, idle: cpus.reduce((sum, { idle }) => sum + idle, 0) };
  };
  const [before, own] = [machine(), processorTime()];
  return () => {
    const { all, idle } = machine();
    const passed = all - before.all;
    return passed > 0 ? (passed - (idle - before.idle) - (processorTime() - own)) / passed : 0;
  };
}
