/** @file `npm run bench`: our distillation step beside PyTorch's on the same models and batches; writes bench/RESULTS.md. */

import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { cases, type Case } from './cases';
import { compare, type Comparison } from './compare';
import type { Profile } from './profile';
import { markdownReport, terminalReport, type CaseResult, type Machine } from './report';
import { writeSetup } from './setup';
import { Side } from './side';

const { values: options } = parseArgs({
  options: {
    /** The small pairs, few repeats, no RESULTS.md. */
    quick: { type: 'boolean', default: false },
    /** torch.compile as a third side. */
    compile: { type: 'boolean', default: false },
    case: { type: 'string', multiple: true },
    threads: { type: 'string', default: String(os.availableParallelism()) },
    blocks: { type: 'string' },
  },
});
const threads = Number(options.threads);
const blocks = Number(options.blocks ?? (options.quick ? 3 : 7));
const profiledSteps = options.quick ? 3 : 5;

const PYTHON = 'test/peers/.venv/bin/python';
const PEER = 'bench/peer.py';

function sidesOf(folder: string): Side[] {
  const environment = { OMP_NUM_THREADS: String(threads) };
  const peer = (name: string, ...flags: string[]): Side =>
    new Side(name, [PYTHON, PEER, folder, ...flags], environment);
  return [
    new Side('ours', [process.execPath, '--enable-source-maps', 'dist/bench/step.js', folder]),
    peer('PyTorch'),
    ...(options.compile ? [peer('PyTorch, compiled', '--compile')] : []),
  ];
}

async function runCase(benchCase: Case): Promise<CaseResult> {
  const folder = await mkdtemp(join(os.tmpdir(), `distillery-bench-${benchCase.name}-`));
  try {
    await writeSetup(folder, benchCase, threads);
    const comparison = await compareSides(folder, benchCase);
    const written = execFileSync(process.execPath, ['dist/bench/profile.js', folder, String(profiledSteps)]);
    return { benchCase, comparison, profile: JSON.parse(written.toString()) as Profile };
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function compareSides(folder: string, benchCase: Case): Promise<Comparison> {
  const sides = sidesOf(folder);
  try {
    return await compare(sides, blocks, benchCase.stepsPerBlock);
  } finally {
    for (const side of sides) await side.close();
  }
}

function chosenCases(): readonly Case[] {
  const { case: names, quick } = options;
  const unknown = names?.find((name) => !cases.some((benchCase) => benchCase.name === name));
  if (unknown) throw new Error(`no case ${unknown}; there are ${cases.map(({ name }) => name).join(', ')}`);
  return cases.filter((benchCase) => (names ? names.includes(benchCase.name) : !quick || benchCase.quick));
}

const machine = (): Machine => ({
  date: new Date().toISOString().slice(0, 10),
  processor: os.cpus()[0]?.model.trim() ?? os.arch(),
  cores: os.cpus().length,
  threads,
  system: os.type(),
  load: os.loadavg()[0]!,
});

async function main(): Promise<void> {
  const before = machine();
  const results: CaseResult[] = [];
  for (const benchCase of chosenCases()) {
    console.error(`${benchCase.title} …`);
    results.push(await runCase(benchCase));
  }
  console.log(terminalReport(results));
  if (results.length < cases.length || options.quick) return;
  await writeFile('bench/RESULTS.md', markdownReport(results, before));
  console.log('\nWritten to bench/RESULTS.md.');
}

void main();
