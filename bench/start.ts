/**
 * @file `npm run bench -- start [SAMPLE…] [--rounds N] [--engines 'NAME;NAME']`: how long it takes from the start of the program to the end of the
 * student's first step on the samples, a first time and again, when compiled graphs, the teacher's answers and what else is kept are there; writes this
 * processor's chapter of bench/START.md.
 */

import { once } from 'node:events';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { parse } from 'jsonc-parser';
import { startRun } from './fresh-run';
import { writeOwnChapter } from './chapters';
import { machine } from './machine';
import { computesBfloat16 } from './processor';
import { cpuOf, peakOf } from './process-figures';
import { median } from './statistics';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  allowNegative: true,
  options: {
    rounds: { type: 'string', default: '2' },
    engines: { type: 'string' },
    write: { type: 'boolean', default: true },
  },
});
const rounds = Number(options.rounds);

const samples = [
  { name: 'definitions', title: 'Definitions: BERT style, 20,500 short rows' },
  { name: 'language-model', title: 'Language model: GPT-2 style, 4,000 short rows' },
] as const;

const sides = [
  { name: 'cpu', setting: { engine: 'cpu' } },
  { name: 'openvino', setting: { engine: 'openvino' } },
  ...(computesBfloat16()
    ? [{ name: 'openvino, bfloat16', setting: { engine: 'openvino', precision: 'bfloat16' } }]
    : []),
  { name: 'auto', setting: { engine: 'auto' } },
];

interface Start {
  seconds: number;
  /** Of the processor, in seconds. */
  processor: number;
  peakBytes: number;
}

/**
 * Starts the experiment, and stops it once its student has done a step.
 * @param epoch whether it is stopped after an epoch instead: by then all is kept that the runs of a person leave
 */
async function measure(folder: string, file: string, epoch: boolean): Promise<Start> {
  const runs = path.join(folder, '.distillery', 'runs');
  const known = existsSync(runs) ? readdirSync(runs) : [];
  const started = Date.now();
  const child = startRun(folder, file);
  const closed = once(child, 'close');
  let told = '';
  child.stderr.on('data', (chunk: Buffer) => (told += chunk.toString()));
  const whole = { processor: 0, peakBytes: 0 };
  const seen: { first?: Start; isStopped: boolean } = { isStopped: false };
  const looking = setInterval(() => {
    // A second signal would end it at once.
    if (seen.isStopped) return;
    whole.processor = Math.max(whole.processor, cpuOf(child.pid!));
    whole.peakBytes = Math.max(whole.peakBytes, peakOf(child.pid!));
    const run = existsSync(runs) ? readdirSync(runs).find((name) => !known.includes(name)) : undefined;
    const records = run === undefined ? [] : stepsOf(path.join(runs, run, 'metrics.jsonl'));
    if (records.length === 0) return;
    // The record has the time of its step, to the millisecond.
    seen.first ??= { seconds: (Date.parse(records[0]!.time) - started) / 1000, ...whole };
    if (!epoch || records.at(-1)!.epoch >= 1) seen.isStopped = child.kill('SIGTERM');
  }, 20);
  await closed;
  clearInterval(looking);
  if (!seen.first || !seen.isStopped) throw new Error(`the run ended too early: ${told}`);
  return seen.first;
}

interface StepRecord {
  time: string;
  /** Of the step's beginning. */
  epoch: number;
}

/** Of the steps in a file the first and the last. */
function stepsOf(file: string): StepRecord[] {
  const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : [];
  return [...lines.slice(0, 1), ...lines.slice(-1)].map((line) => JSON.parse(line) as StepRecord);
}

/** Those that were asked for by name; all where none were. */
function chosenOf<T extends { name: string }>(known: readonly T[], names: readonly string[] | undefined): T[] {
  const unknown = names?.find((name) => !known.some((one) => one.name === name));
  if (unknown !== undefined) {
    console.error(`"${unknown}" is not measured here: ${known.map(({ name }) => name).join('; ')}.`);
    process.exit(2);
  }
  return known.filter(({ name }) => names?.includes(name) ?? true);
}

const chosenSides = chosenOf(sides, options.engines?.split(';'));

async function measureSample(name: string, title: string): Promise<string> {
  const results = chosenSides.map((side) => ({ side, first: [] as Start[], again: [] as Start[] }));
  for (let round = 0; round < rounds; round++) {
    for (const { side, first, again } of results) {
      const folder = mkdtempSync(path.join(os.tmpdir(), 'distillery-start-'));
      try {
        cpSync('examples', folder, { recursive: true });
        const experiment = parse(readFileSync(path.join(folder, `${name}.distill.json`), 'utf8')) as object;
        const file = path.join(folder, 'bench.distill.json');
        writeFileSync(file, JSON.stringify({ ...experiment, ...side.setting }));
        first.push(await measure(folder, file, true));
        again.push(await measure(folder, file, false));
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
      const told = [first, again].map(
        (starts) => `${starts.at(-1)!.seconds.toFixed(2)} s (${starts.at(-1)!.processor.toFixed(1)})`,
      );
      console.error(`  ${name}, ${side.name}: ${told.join(', again ')}`);
    }
  }
  const figures = (starts: readonly Start[]): string[] => [
    median(starts.map(({ seconds }) => seconds)).toFixed(2),
    median(starts.map(({ processor }) => processor)).toFixed(1),
    (median(starts.map(({ peakBytes }) => peakBytes)) / 2 ** 20).toFixed(0),
  ];
  const head = [
    'engine',
    'first time, s',
    'of the processor',
    'peak, MiB',
    'again, s',
    'of the processor',
    'peak, MiB',
  ];
  const rows = results.map(({ side, first, again }) => [side.name, ...figures(first), ...figures(again)]);
  const lines = [head, head.map((_, i) => (i === 0 ? '---' : '---:')), ...rows].map(
    (cells) => `| ${cells.join(' | ')} |`,
  );
  return [`### ${title}`, '', ...lines].join('\n');
}

async function main(): Promise<void> {
  const load = os.loadavg()[0]!;
  const chosen = chosenOf(samples, positionals.length === 0 ? undefined : positionals);
  const tables: string[] = [];
  for (const { name, title } of chosen) {
    tables.push(await measureSample(name, title));
    console.log(`${tables.at(-1)!}\n`);
  }
  if (chosen.length < samples.length || options.engines !== undefined || !options.write) return;
  writeOwnChapter(REPORT, HEAD, chapter(tables, load));
}

const REPORT = 'bench/START.md';

const HEAD = `# From the start of the program to the first step

Written by \`npm run bench -- start\`, which overwrites the chapter of the processor that it runs on; every figure is as it came.

\`distillery run\` on the samples as they come, until the student's first step is done: data read and tokenized, the teacher asked, the first evaluation on
validation. *First time*: nothing is kept and no graph is compiled. *Again*: compiled graphs, measurements of \`auto\`, tokens and answers of the teacher that a run of one epoch has left are there.
`;

function chapter(tables: readonly string[], load: number): string {
  const { date, cores, threads } = machine(os.availableParallelism());
  const measured = `${date} · ${cores} cores, ${threads} threads · load before ${load.toFixed(1)} · ${rounds === 1 ? '1 round' : `medians of ${rounds} rounds`}`;
  return `${measured}\n\n${tables.join('\n\n')}\n`;
}

void main();
