/**
 * @file Reads inputs that are nearly right, by a plan as JSON: `mutated PLAN`; or the cases that once went wrong, in a folder for each target: `corpus FOLDER`.
 * Prints a line of JSON after each batch, with what went wrong: an error that is no problem told to a person, more than five seconds, more memory than a file's
 * size gives cause for.
 */

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ComplaintError, InputError } from '../../../src/protocol/problem';
import { readAtOnce } from './at-once';
import { mutateBytes, mutateValue, randomFrom, type Random } from '../mutate';
import { prepare, targets, UNUSED, type Target } from '../targets';

export interface Finding {
  target: string;
  what: string;
  /** The input, as base64. */
  input: string;
}

export interface FuzzResult {
  target: string;
  /** Of a batch that was made. */
  seed?: number;
  inputs: number;
  /** How many were read without a complaint. */
  accepted: number;
  /** Of the processor. */
  seconds: number;
  /** The longest that {@link INPUTS_AT_ONCE} took, in milliseconds of the processor. */
  longest: number;
  /** The most that the peak of memory grew by meanwhile, in bytes. */
  growth: number;
  findings: Finding[];
}

const LONGEST = 5000;
/** Beside a thousand times the input: what reading and collecting garbage take at once. */
const MOST_GROWTH = 256 << 20;
const mostFindings = 20;
/** Of a stack. */
const TOLD_LINES = 3;

function mutate({ form, seeds }: Target, random: Random): Buffer {
  const seed = seeds[Math.floor(random() * seeds.length)]!;
  if (form === 'bytes' || random() < 0.25) return mutateBytes(seed, random);
  if (form === 'json') return Buffer.from(JSON.stringify(mutateValue(JSON.parse(seed.toString()), random)));
  if (form === 'json-lines') {
    const lines = seed.toString().trim().split('\n');
    const at = Math.floor(random() * lines.length);
    lines[at] = JSON.stringify(mutateValue(JSON.parse(lines[at]!), random));
    return Buffer.from(lines.map((line) => `${line}\n`).join(''));
  }
  const length = Number(seed.readBigUInt64LE());
  const header = Buffer.from(JSON.stringify(mutateValue(JSON.parse(seed.toString('utf8', 8, 8 + length)), random)));
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([prefix, header, seed.subarray(8 + length)]);
}

/** How an input is taken; what is wrong with that, undefined where nothing is. */
async function take(target: Target, folder: string, input: Buffer): Promise<{ wrong?: string; accepted: boolean }> {
  const file = path.join(folder, target.file);
  if (target.file !== UNUSED) writeFileSync(file, input);
  try {
    await target.read(file, folder, input);
    return { accepted: true };
  } catch (error) {
    if (error instanceof InputError || error instanceof ComplaintError) return { accepted: false };
    const wrong =
      error instanceof Error
        ? (error.stack ?? error.message)
            .split('\n')
            .slice(0, 1 + TOLD_LINES)
            .join('\n')
        : String(error);
    return { wrong, accepted: false };
  }
}

/** Milliseconds of the processor, which others may be busy with too. */
function processorTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** The most memory that there was at once so far, in bytes. */
const peak = (): number => process.resourceUsage().maxRSS * 1024;

/** From now on the peak is that of what follows, where the system allows that. */
function forgetPeak(): void {
  try {
    writeFileSync('/proc/self/clear_refs', '5');
  } catch {
    // Not Linux: what grew is found where it was the first to.
  }
}

/** What is asked of the system is asked once for so many inputs, and of each only where they took too much together. */
const INPUTS_AT_ONCE = 64;

async function fuzz(name: string, inputs: Iterable<Buffer>): Promise<FuzzResult> {
  const target = targets[name]!;
  const folder = mkdtempSync(path.join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'distillery-fuzz-'));
  const result: FuzzResult = { target: name, inputs: 0, accepted: 0, seconds: 0, longest: 0, growth: 0, findings: [] };
  const seen = new Set<string>();
  const found = (what: string, input: Buffer): void => {
    const place = what.replace(/^[^\n]*/, '') || what;
    if (seen.has(place) || result.findings.length === mostFindings) return;
    seen.add(place);
    result.findings.push({ target: name, what, input: input.toString('base64') });
  };
  /** @returns what they took together */
  const takeAll = async (some: readonly Buffer[]): Promise<{ time: number; growth: number }> => {
    const [before, began] = [peak(), processorTime()];
    for (const input of some) {
      const { wrong, accepted } = await take(target, folder, input);
      if (accepted) result.accepted++;
      if (wrong !== undefined) found(wrong, input);
    }
    return { time: processorTime() - began, growth: peak() - before };
  };
  const began = processorTime();
  try {
    prepare(folder, target);
    for (const some of inGroups(inputs, INPUTS_AT_ONCE)) {
      result.inputs += some.length;
      const { time, growth } = await takeAll(some);
      result.longest = Math.max(result.longest, time);
      result.growth = Math.max(result.growth, growth);
      if (time <= LONGEST && growth <= MOST_GROWTH) continue;
      const { accepted } = result;
      for (const input of some) {
        forgetPeak();
        const { time, growth } = await takeAll([input]);
        if (time > LONGEST) found(`it took ${Math.round(time)} ms`, input);
        if (growth > MOST_GROWTH + 1000 * input.length) found(`memory grew by ${growth >> 20} MiB`, input);
      }
      result.accepted = accepted;
    }
  } finally {
    await target.close?.();
    rmSync(folder, { recursive: true, force: true });
  }
  return { ...result, seconds: (processorTime() - began) / 1000 };
}

function* inGroups<T>(all: Iterable<T>, size: number): Generator<T[]> {
  let group: T[] = [];
  for (const one of all) {
    group.push(one);
    if (group.length < size) continue;
    yield group;
    group = [];
  }
  if (group.length > 0) yield group;
}

function* mutated(target: Target, count: number, seed: number): Generator<Buffer> {
  const random = randomFrom(seed);
  for (const good of target.seeds) yield good;
  for (let k = target.seeds.length; k < count; k++) yield mutate(target, random);
}

/** What is to be tried: of each target batches of `size` inputs, from the seed `first` on to the one before `end`. */
export interface Plan {
  size: number;
  first: number;
  end: number;
  /** By target the seeds of the batches that are done already. */
  done: Record<string, number[]>;
  /** Which of how many processes this is, that share the batches. */
  part: number;
  parts: number;
  /** As of Date.now(). */
  until?: number;
}

/** A batch of each target in turn, so that what is stopped has tried all of them alike. */
function* batchesOf({ first, end, done, part, parts, until = Infinity }: Plan): Generator<[string, number]> {
  for (let seed = first; seed < end; seed++) {
    for (const [i, target] of Object.keys(targets).entries()) {
      if (Date.now() > until) return;
      if ((i + seed) % parts === part && !done[target]?.includes(seed)) yield [target, seed];
    }
  }
}

async function main([what, rest]: string[]): Promise<void> {
  readAtOnce();
  // Most inputs end in an error, and a stack takes longer than its reading; no more of it is told.
  Error.stackTraceLimit = TOLD_LINES;
  const tell = (result: FuzzResult): void => console.log(JSON.stringify(result));
  if (what === 'corpus') {
    for (const name of readdirSync(rest!)) {
      const cases = readdirSync(path.join(rest!, name)).map((file) => readFileSync(path.join(rest!, name, file)));
      tell(await fuzz(name, cases));
    }
    return;
  }
  const plan = JSON.parse(rest!) as Plan;
  for (const [name, seed] of batchesOf(plan)) {
    tell({ ...(await fuzz(name, mutated(targets[name]!, plan.size, seed))), seed });
  }
}

main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
