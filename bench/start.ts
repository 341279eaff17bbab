/**
 * @file `npm run bench -- start [SAMPLE…]`: how long it takes from the start of the program to the end of the student's first step on the samples,
 * a first time and again, when compiled graphs, the teacher's answers and what else is kept are there; writes bench/START.md.
 */

import { once } from 'node:events';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { parse } from 'jsonc-parser';
import { startRun } from './fresh-run';
import { computesBfloat16 } from './processor';
import { cpuOf, peakOf } from './process-figures';
import { median } from './statistics';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  allowNegative: true,
  options: {
    rounds: { type: 'string', default: '3' },
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

function start(folder: string, file: string) {
  const child = startRun(folder, file);
  const closed = once(child, 'close') as Promise<[number]>;
  const told = { text: '' };
  child.stderr.on('data', (chunk: Buffer) => (told.text += chunk.toString()));
  return { child, closed, told };
}

async function finish(folder: string, file: string): Promise<void> {
  const { closed, told } = start(folder, file);
  const [code] = await closed;
  if (code !== 0) throw new Error(`the run ended with ${code}: ${told.text}`);
}

/** Starts the experiment, and stops it once its student has done a step. */
async function measure(folder: string, file: string): Promise<Start> {
  const runs = path.join(folder, '.distillery', 'runs');
  const known = existsSync(runs) ? readdirSync(runs) : [];
  const started = Date.now();
  const { child, closed, told } = start(folder, file);
  let [processor, peakBytes] = [0, 0];
  let first: string | undefined;
  const looking = setInterval(() => {
    if (first !== undefined) return;
    processor = Math.max(processor, cpuOf(child.pid!));
    peakBytes = Math.max(peakBytes, peakOf(child.pid!));
    const run = existsSync(runs) ? readdirSync(runs).find((name) => !known.includes(name)) : undefined;
    const metrics = run === undefined ? '' : path.join(runs, run, 'metrics.jsonl');
    const content = existsSync(metrics) ? readFileSync(metrics, 'utf8') : '';
    if (!content.includes('\n')) return;
    first = content.slice(0, content.indexOf('\n'));
    child.kill('SIGTERM');
  }, 20);
  await closed;
  clearInterval(looking);
  if (first === undefined) throw new Error(`the run ended before its first step: ${told.text}`);
  // The record has the time of its step, to the millisecond.
  const { time } = JSON.parse(first) as { time: string };
  return { seconds: (Date.parse(time) - started) / 1000, processor, peakBytes };
}

async function measureSample(name: string, title: string): Promise<string> {
  const chosen = sides.filter(
    (side) => options.engines === undefined || options.engines.split(';').includes(side.name),
  );
  const results = chosen.map((side) => ({ side, first: [] as Start[], again: [] as Start[] }));
  for (let round = 0; round < rounds; round++) {
    for (const { side, first, again } of results) {
      const folder = mkdtempSync(path.join(os.tmpdir(), 'distillery-start-'));
      try {
        cpSync('examples', folder, { recursive: true });
        const experiment = parse(readFileSync(path.join(folder, `${name}.distill.json`), 'utf8')) as {
          training: object;
        };
        const file = path.join(folder, 'bench.distill.json');
        const write = (changes: object): void => writeFileSync(file, JSON.stringify({ ...experiment, ...changes }));
        write(side.setting);
        first.push(await measure(folder, file));
        // One epoch to its end: by then all is kept that the runs of a person leave.
        write({ ...side.setting, controls: [], training: { ...experiment.training, epochs: 1 } });
        await finish(folder, file);
        write(side.setting);
        again.push(await measure(folder, file));
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
  return [`## ${title}`, '', ...lines].join('\n');
}

async function main(): Promise<void> {
  const load = os.loadavg()[0]!;
  const chosen = samples.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
  if (chosen.length === 0) throw new Error(`there is no such sample: ${samples.map(({ name }) => name).join(', ')}`);
  const tables: string[] = [];
  for (const { name, title } of chosen) {
    tables.push(await measureSample(name, title));
    console.log(`${tables.at(-1)!}\n`);
  }
  if (chosen.length < samples.length || options.engines !== undefined || !options.write) return;
  writeFileSync('bench/START.md', report(tables, load));
  console.log('Written to bench/START.md.');
}

const report = (tables: readonly string[], load: number): string => `# From the start of the program to the first step

Written by \`npm run bench -- start\`, which overwrites this file; every figure is as it came.

${new Date().toISOString().slice(0, 10)} · ${os.cpus()[0]?.model.trim() ?? os.arch()}, ${os.availableParallelism()} threads · load before ${load.toFixed(1)} · medians of ${rounds} rounds

\`distillery run\` on the samples as they come, until the student's first step is done: data read and tokenized, the teacher asked, the first evaluation on
validation. *Again*: compiled graphs, measurements of \`auto\`, tokens and answers of the teacher that the runs before left are there.

${tables.join('\n\n')}
`;

void main();
