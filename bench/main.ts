/** @file `npm run bench`: our distillation step, on every engine that is there, beside PyTorch's on the same models and batches; writes bench/RESULTS.md. */

import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Precision } from '../src/protocol/engines';
import { copyRate } from './bandwidth';
import { cases, type Case } from './cases';
import { pretrainedCase, pretrainedNames } from './pretrained';
import { compare, type Contender, type SideResult } from './compare';
import type { Profile } from './profile';
import { machine, machineName } from './machine';
import { markdownReport, terminalReport, type CaseResult, type Measurement, type NamedProfile } from './report';
import { sampleCase, sampleNames } from './samples';
import { writeSetup } from './setup';
import { chosenSides, isProfiled, rateCommand, startSide, type SidePlan } from './sides';

const { values: options } = parseArgs({
  options: {
    /** The small pairs, few repeats, no RESULTS.md. */
    quick: { type: 'boolean', default: false },
    /** torch.compile as one more side. */
    compile: { type: 'boolean', default: false },
    case: { type: 'string', multiple: true },
    /** Ours to compare; all when absent. */
    engine: { type: 'string', multiple: true },
    threads: { type: 'string', default: String(os.availableParallelism()) },
    blocks: { type: 'string' },
  },
});
const threads = Number(options.threads);
const blocks = Number(options.blocks ?? (options.quick ? 3 : 7));
/** One file for each machine. */
const MEASURED = 'bench/results';
const profiledSteps = options.quick ? 3 : 5;

const sidesOf = ({ forAll, ownLengths }: Case): SidePlan[] =>
  chosenSides({ engines: options.engine, compile: options.compile, all: forAll === true, packed: ownLengths === true });

async function runCase(benchCase: Case): Promise<CaseResult> {
  const folder = await mkdtemp(join(os.tmpdir(), `distillery-bench-${benchCase.name}-`));
  try {
    await writeSetup(folder, benchCase, threads);
    const compared = await compareSides(folder, benchCase);
    // Steps of many shapes have no one profile.
    const profiled = benchCase.ownLengths ? [] : sidesOf(benchCase).filter(isProfiled);
    const profiles = profiled.map((side) => profileOf(side, folder));
    const { name, title, stepsPerBlock } = benchCase;
    return { benchCase: { name, title, stepsPerBlock }, sides: compared, profiles };
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function compareSides(folder: string, benchCase: Case): Promise<SideResult[]> {
  const contenders: Contender[] = [];
  try {
    for (const plan of sidesOf(benchCase)) contenders.push({ ...plan, side: startSide(plan, folder, threads) });
    const { stepsPerBlock, ownLengths } = benchCase;
    return await compare(contenders, blocks, stepsPerBlock, ownLengths ? stepsPerBlock : 0);
  } finally {
    for (const { side } of contenders) await side.close();
  }
}

function profileOf({ name, engine, precision }: SidePlan, folder: string): NamedProfile {
  const command = ['dist/bench/profile.js', folder, engine!, precision, String(profiledSteps)];
  // Where nothing has been kept yet.
  const env = { ...process.env, XDG_CACHE_HOME: join(folder, `cache-${engine}-${precision}`) };
  return { name, ...(JSON.parse(execFileSync(process.execPath, command, { env }).toString()) as Profile) };
}

/** Of each precision the most operations a second that any side's library does in a large matrix product. */
function productRates(): Record<Precision, number> {
  const rates = { float32: 0, bfloat16: 0 };
  for (const side of chosenSides({ engines: options.engine, compile: false, all: false })) {
    const [program, ...rest] = rateCommand(side, threads)!;
    const rate = Number(execFileSync(program!, rest).toString());
    rates[side.precision] = Math.max(rates[side.precision], rate);
  }
  return rates;
}

async function chosenCases(): Promise<readonly Case[]> {
  const { case: names, quick } = options;
  const known = [...cases.map(({ name }) => name), ...sampleNames, ...pretrainedNames];
  const unknown = names?.find((name) => !known.includes(name));
  if (unknown) throw new Error(`no case ${unknown}; there are ${known.join(', ')}`);
  const pretrained = pretrainedNames.filter((name) => names?.includes(name));
  const samples = sampleNames.filter((name) => (names ? names.includes(name) : !quick));
  return [
    ...cases.filter((benchCase) => (names ? names.includes(benchCase.name) : !quick || benchCase.quick)),
    ...(await Promise.all(samples.map(sampleCase))),
    ...(await Promise.all(pretrained.map(pretrainedCase))),
  ];
}

/** Keeps what this machine measured, and writes what all did. */
function keep(measurement: Measurement): void {
  mkdirSync(MEASURED, { recursive: true });
  writeFileSync(join(MEASURED, `${machineName(measurement.machine)}.json`), `${JSON.stringify(measurement)}\n`);
  const all = readdirSync(MEASURED).map(
    (name) => JSON.parse(readFileSync(join(MEASURED, name), 'utf8')) as Measurement,
  );
  writeFileSync('bench/RESULTS.md', markdownReport(all));
}

async function main(): Promise<void> {
  const before = machine(threads);
  const rates = { ...productRates(), copy: copyRate() };
  const results: CaseResult[] = [];
  for (const benchCase of await chosenCases()) {
    console.error(`${benchCase.title} …`);
    results.push(await runCase(benchCase));
  }
  console.log(terminalReport(results, rates));
  if (results.length < cases.length + sampleNames.length || options.quick || options.engine) return;
  keep({ machine: before, rates, results, profilesLeaveWarmUpOut: true });
  console.log('\nWritten to bench/RESULTS.md.');
}

void main();
