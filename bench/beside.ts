/**
 * @file `npm run bench -- beside [ENGINE …]`: what share of its fair part of the processor a training has beside busy programs. As a
 * process of its own, a training (the small step of `runner/devices/small-step.ts`) goes on beside 0, 2 and 15 programs of one thread
 * that never waits, all of one priority. A busy thread that has a third of a core shows what is fair: a third of the steps that the
 * training makes alone; less where others push what it works on out of the caches, whatever part of the processor it has. Other work on the machine takes from all of them alike; alone, the training is measured at a high priority,
 * where that is permitted.
 */

import { fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import os from 'node:os';
import { openExecutor, type Engine } from '../src/engine/engines';
import { processThreads } from '../src/engine/process-threads';
import { smallTraining } from '../src/runner/devices/small-step';
import { median } from './statistics';

const BUSY = [0, 2, 15];
const SECONDS = 6;
const ROUNDS = 3;
const ENGINES: Engine[] = ['cpu', 'openvino', 'tfjs-node', 'tfjs-wasm'];
const THREADS = os.availableParallelism();

interface Stretch {
  steps: number;
  cpuSeconds: number;
}

interface Asked {
  seconds: number;
  isAlone: boolean;
}

/** In the process of its own: trains for as long as it is asked to, each time that it is asked. */
async function train(engine: Engine): Promise<void> {
  const executor = await openExecutor(engine, { threads: THREADS });
  const trainer = smallTraining(executor, 1e9);
  await trainer.step();
  await trainer.step();
  const usual = os.getPriority();
  const goOn = async ({ seconds, isAlone }: Asked): Promise<void> => {
    setPriority(isAlone ? Math.min(usual, os.constants.priority.PRIORITY_HIGHEST) : usual);
    const [started, before] = [performance.now(), process.cpuUsage()];
    let steps = 0;
    for (; performance.now() - started < seconds * 1000; steps++) await trainer.step();
    const { user, system } = process.cpuUsage(before);
    setPriority(usual);
    process.send!({
      steps: (steps * seconds * 1000) / (performance.now() - started),
      cpuSeconds: (user + system) / 1e6,
    });
  };
  process.on('message', (asked: Asked) => void goOn(asked));
  process.send!('ready');
}

/** Of every thread; a person who is not root cannot raise one. */
function setPriority(priority: number): void {
  try {
    for (const thread of processThreads()) os.setPriority(thread, priority);
  } catch {
    // Then the machine has to be quiet.
  }
}

/** A program that never waits from when it is told to begin; when its input ends it says what share of a core it had until then. */
const BUSY_PROGRAM = `
  process.stdin.once('data', () => {
    const [before, started] = [process.cpuUsage(), performance.now()];
    let on = true;
    process.stdin.on('end', () => {
      on = false;
      const { user, system } = process.cpuUsage(before);
      console.log((user + system) / 1e3 / (performance.now() - started));
    });
    const work = () => {
      for (const end = performance.now() + 20; performance.now() < end; );
      if (on) setImmediate(work);
    };
    work();
  });
`;

function startBusy(): ChildProcess & { said: () => string } {
  const child = spawn(process.execPath, ['-e', BUSY_PROGRAM], { stdio: ['pipe', 'pipe', 'inherit'] });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  return Object.assign(child, { said: () => said });
}

interface Beside extends Stretch {
  /** What share of a core a busy thread had. */
  busyShare: number;
}

async function measure(training: ChildProcess, busy: number): Promise<Beside> {
  const programs = Array.from({ length: busy }, startBusy);
  // They have started when the training is measured: it is asked for a moment first.
  await ask(training, { seconds: busy > 0 ? 2 : 0, isAlone: busy === 0 });
  for (const program of programs) program.stdin!.write('go\n');
  const stretch = await ask(training, { seconds: SECONDS, isAlone: busy === 0 });
  for (const program of programs) program.stdin!.end();
  await Promise.all(programs.map((program) => once(program, 'close')));
  const shares = programs.map((program) => Number(program.said()));
  return { ...stretch, busyShare: busy === 0 ? 1 : median(shares) };
}

async function ask(training: ChildProcess, asked: Asked): Promise<Stretch> {
  const answer = once(training, 'message');
  training.send(asked);
  return ((await answer) as [Stretch])[0];
}

async function measureEngine(engine: Engine): Promise<void> {
  const training = fork(__filename, ['train', engine]);
  try {
    const [first] = (await Promise.race([once(training, 'message'), once(training, 'exit')])) as [unknown];
    if (first !== 'ready') throw new Error(`${engine} cannot be opened here`);
    const perBusy = new Map(BUSY.map((busy) => [busy, [] as Beside[]]));
    for (let round = 0; round < ROUNDS; round++) {
      for (const busy of BUSY) perBusy.get(busy)!.push(await measure(training, busy));
    }
    const alone = median(perBusy.get(0)!.map(({ steps }) => steps));
    for (const busy of BUSY) {
      const all = perBusy.get(busy)!;
      const rate = median(all.map(({ steps }) => steps / SECONDS));
      const cost = median(all.map(({ steps, cpuSeconds }) => cpuSeconds / steps));
      const part = median(all.map(({ busyShare }) => busyShare));
      const ofProcessor = median(all.map(({ cpuSeconds, busyShare }) => cpuSeconds / SECONDS / THREADS / busyShare));
      const share = median(all.map(({ steps, busyShare }) => steps / alone / busyShare));
      const inPercent = [ofProcessor, share].map((value) => `${(value * 100).toFixed(0)} %`);
      const figures = [rate.toFixed(2), cost.toFixed(2), part.toFixed(2), ...inPercent];
      console.log(`| ${engine} | ${busy} | ${figures.join(' | ')} |`);
    }
  } finally {
    training.kill();
  }
}

async function main(): Promise<void> {
  const [, , first, ...rest] = process.argv;
  if (first === 'train') return train(rest[0] as Engine);
  const asked = [first, ...rest].filter((name) => name !== undefined) as Engine[];
  console.log(
    '| engine | busy threads | steps/s | processor time a step, s | a busy thread’s share of a core | of its fair part of the processor | of its fair part of the steps |',
  );
  console.log('| --- | ---: | ---: | ---: | ---: | ---: | ---: |');
  for (const engine of asked.length > 0 ? asked : ENGINES) await measureEngine(engine);
}

void main();
