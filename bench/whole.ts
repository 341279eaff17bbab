/**
 * @file `npm run bench -- --whole`: a whole distillation of several epochs, ours with the teacher asked once, PyTorch's with
 * the teacher asked in every step, as one writes it there; writes bench/WHOLE.md. `--pretrained` has models that people have as
 * teachers, and writes bench/PRETRAINED.md.
 */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { cases, type Case } from './cases';
import { pretrainedCase, pretrainedNames } from './pretrained';
import { difference, TOLERANCES } from './compare';
import { readSafetensors } from '../src/model/files/safetensors';
import { writeSetup } from './setup';
import { Side, type Block } from './side';
import { chosenSides, startSide, type SidePlan } from './sides';
import { median } from './statistics';
import type { WholeBlock } from './whole-side';

const { values: options } = parseArgs({
  options: {
    whole: { type: 'boolean' },
    /** Teachers that pip installs. */
    pretrained: { type: 'boolean', default: false },
    case: { type: 'string', multiple: true },
    engine: { type: 'string', multiple: true },
    threads: { type: 'string', default: String(os.availableParallelism()) },
    epochs: { type: 'string', default: '5' },
    /** Batches of an epoch. */
    batches: { type: 'string', default: '24' },
    repeats: { type: 'string', default: '3' },
  },
});
const [threads, epochs, batches, repeats] = [options.threads, options.epochs, options.batches, options.repeats].map(
  Number,
) as [number, number, number, number];
const DEFAULT_CASES: readonly string[] = options.pretrained ? pretrainedNames : ['small-decoder', 'spam-filter'];

/** Losses of the first steps that must agree, as in bench/compare.ts. */
const COMPARED_STEPS = 3;

interface Contender {
  name: string;
  plan: SidePlan;
  /** Ours alone: whether an earlier run has filled the cache. */
  isKnown: boolean;
}

interface WholeResult extends Contender {
  /** Real ones that the student has learnt from, those of every epoch. */
  tokens: number;
  seconds: number[];
  askingSeconds: number[];
  cacheBytes: number;
  peakMegabytes: number;
}

/** Of PyTorch only what every side answers. */
type Answer = Block & Partial<WholeBlock>;

/** One whole distillation in a process of its own. Loading the libraries and the models is not timed. */
async function distil({ plan, name }: Contender, folder: string, cache: string): Promise<Answer> {
  const { engine, precision } = plan;
  const command = ['dist/bench/whole-side.js', folder, engine!, precision, cache];
  const side =
    engine === undefined
      ? startSide(plan, folder, threads)
      : new Side(name, [process.execPath, '--enable-source-maps', ...command]);
  try {
    await side.ready;
    return await side.run(epochs * batches);
  } finally {
    await side.close();
  }
}

async function runCase(benchCase: Case): Promise<WholeResult[]> {
  const folder = await mkdtemp(join(os.tmpdir(), `distillery-bench-${benchCase.name}-`));
  try {
    await writeSetup(folder, benchCase, threads, batches);
    const { attention_mask: mask } = await readSafetensors(join(folder, 'batches.safetensors'));
    const tokens = epochs * (mask!.data as Int32Array).reduce((sum, isReal) => sum + isReal, 0);
    const results = contenders().map((contender): WholeResult => {
      return { ...contender, tokens, seconds: [], askingSeconds: [], cacheBytes: 0, peakMegabytes: 0 };
    });
    let reference: Answer | undefined;
    for (let repeat = 0; repeat < repeats; repeat++) {
      for (const result of results) {
        const { engine, precision } = result.plan;
        const block = await distil(result, folder, join(folder, `cache-${engine}-${precision}-${repeat}`));
        reference ??= block;
        const first = [reference, block].map(({ losses }) => losses.slice(0, COMPARED_STEPS)) as [never, never];
        difference(...first, result.name, TOLERANCES[precision]);
        result.seconds.push(block.milliseconds / 1000);
        console.error(`  ${result.name}: ${result.seconds.at(-1)!.toFixed(1)} s`);
        result.askingSeconds.push((block.askingMilliseconds ?? 0) / 1000);
        result.cacheBytes = block.cacheBytes ?? 0;
        result.peakMegabytes = Math.max(result.peakMegabytes, block.peakMegabytes);
      }
    }
    return results;
  } finally {
    await rm(folder, { recursive: true });
  }
}

function contenders(): Contender[] {
  return chosenSides({ engines: options.engine, compile: false, all: false }).flatMap((plan) => {
    const once = { name: plan.name, plan, isKnown: false };
    return plan.engine === undefined ? [once] : [once, { ...once, name: `${plan.name}, again`, isKnown: true }];
  });
}

function table(benchCase: Case, results: readonly WholeResult[]): string {
  const seconds = (value: number): string => value.toFixed(1);
  const rows = results.map(({ name, plan, isKnown, ...result }) => {
    const peer = results.find((other) => other.plan.engine === undefined && other.plan.precision === plan.precision)!;
    const asking = plan.engine === undefined || isKnown ? '' : seconds(median(result.askingSeconds));
    return [
      name,
      seconds(median(result.seconds)),
      String(Math.round(result.tokens / median(result.seconds))),
      asking,
      `${(median(peer.seconds) / median(result.seconds)).toFixed(2)} ×`,
      String(Math.round(result.peakMegabytes)),
      result.cacheBytes > 0 ? `${Math.round(result.cacheBytes / 1e6)}` : '',
    ];
  });
  const head = ['side', 'seconds', 'tokens/s', 'of it asking the teacher', 'speed', 'peak MB', 'cache MB'];
  const lines = [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`);
  return [`### ${benchCase.title}`, '', ...lines].join('\n');
}

async function main(): Promise<void> {
  const names = options.case ?? DEFAULT_CASES;
  const load = os.loadavg()[0]!;
  const tables: string[] = [];
  const pretrained = pretrainedNames.filter((name) => names.includes(name));
  const chosen = [
    ...cases.filter(({ name }) => names.includes(name)),
    ...(await Promise.all(pretrained.map(pretrainedCase))),
  ];
  for (const benchCase of chosen) {
    console.error(`${benchCase.title} …`);
    tables.push(table(benchCase, await runCase(benchCase)));
    console.log(`${tables.at(-1)!}\n`);
  }
  if (options.case || options.engine) return;
  const file = options.pretrained ? 'bench/PRETRAINED.md' : 'bench/WHOLE.md';
  await writeFile(file, report(tables, load));
  console.log(`Written to ${file}.`);
}

const PRETRAINED = `
MiniLM has a new head of two classes, as before it is fine-tuned; what a step takes does not depend on what it has learnt. SmolLM2 comes from its
GGUF file. Both students start from blocks of their teacher. The vocabularies are whole, the texts real, cut to 128 tokens.
`;

function report(tables: readonly string[], load: number): string {
  const command = `npm run bench -- --whole${options.pretrained ? ' --pretrained' : ''}`;
  return `# A whole distillation${options.pretrained ? ' from models that people have' : ''}, beside PyTorch asking its teacher in every step

Written by \`${command}\`, which overwrites this file; every figure is as it came.

${new Date().toISOString().slice(0, 10)} · ${os.cpus()[0]?.model.trim() ?? os.arch()}, ${threads} threads on each side · load before ${load.toFixed(1)}

${epochs} epochs of ${batches} batches. The steps are those of [RESULTS.md](RESULTS.md), on the same models and batches, and the first losses agree
as they do there. Ours asks the teacher about each row once, keeps its answers on disk, and reads them in every epoch; "again" is a second run with
the same teacher, which finds them there. Timed is all from the models in memory to the last step, recording and compiling graphs and writing the
cache included; each distillation is a process of its own, sides take turns, ${repeats} times, and the median counts. PyTorch in the same precision is 1 in
the column of speed; tokens a second are those that the student learns from, over all that time.
${options.pretrained ? PRETRAINED : ''}
${tables.join('\n\n')}
`;
}

void main();
