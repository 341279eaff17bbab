/**
 * @file Reads inputs that are nearly right with one of the targets: `TARGET COUNT SEED`, or with each the cases of a folder that once went wrong: `corpus
 * FOLDER`. Prints as JSON what went wrong: an error that is no problem told to a person, more than five seconds, more memory than a file's size gives cause
 * for.
 */

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ComplaintError, InputError } from '../../../src/protocol/problem';
import { mutateBytes, mutateValue, randomFrom, type Random } from '../mutate';
import { prepare, targets, type Target } from '../targets';

export interface Finding {
  target: string;
  what: string;
  /** The input, as base64. */
  input: string;
}

export interface FuzzResult {
  target: string;
  inputs: number;
  /** How many were read without a complaint. */
  accepted: number;
  seconds: number;
  /** The longest that one took, in milliseconds of the processor. */
  longest: number;
  /** The most that memory grew by over one input, in bytes. */
  growth: number;
  findings: Finding[];
}

const LONGEST = 5000;
/** Beside a thousand times the input: what reading and collecting garbage take at once. */
const MOST_GROWTH = 256 << 20;
const mostFindings = 20;

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

/** What is wrong with how an input is taken; undefined where nothing is. */
async function wrongWith(target: Target, folder: string, input: Buffer, told: FuzzResult): Promise<string | undefined> {
  const file = path.join(folder, target.file);
  writeFileSync(file, input);
  const before = process.memoryUsage.rss();
  const began = process.cpuUsage();
  let wrong: string | undefined;
  try {
    await target.read(file, folder, input);
    told.accepted++;
  } catch (error) {
    const isTold = error instanceof InputError || error instanceof ComplaintError;
    if (!isTold)
      wrong =
        error instanceof Error ? (error.stack ?? error.message).split('\n').slice(0, 4).join('\n') : String(error);
  }
  // Of the processor, which others may be busy with too.
  const { user, system } = process.cpuUsage(began);
  const took = (user + system) / 1000;
  const growth = process.memoryUsage.rss() - before;
  told.longest = Math.max(told.longest, took);
  told.growth = Math.max(told.growth, growth);
  if (took > LONGEST) wrong ??= `it took ${Math.round(took)} ms`;
  if (growth > MOST_GROWTH + 1000 * input.length) wrong ??= `memory grew by ${growth >> 20} MiB`;
  return wrong;
}

async function fuzz(name: string, inputs: Iterable<Buffer>): Promise<FuzzResult> {
  const target = targets[name]!;
  const folder = mkdtempSync(path.join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'distillery-fuzz-'));
  const result: FuzzResult = { target: name, inputs: 0, accepted: 0, seconds: 0, longest: 0, growth: 0, findings: [] };
  const seen = new Set<string>();
  const began = performance.now();
  try {
    prepare(folder, target);
    for (const input of inputs) {
      result.inputs++;
      const what = await wrongWith(target, folder, input, result);
      if (what === undefined) continue;
      const place = what.replace(/^[^\n]*/, '');
      if (seen.has(place || what) || result.findings.length === mostFindings) continue;
      seen.add(place || what);
      result.findings.push({ target: name, what, input: input.toString('base64') });
    }
  } finally {
    await target.close?.();
    rmSync(folder, { recursive: true, force: true });
  }
  return { ...result, seconds: (performance.now() - began) / 1000 };
}

function* mutated(target: Target, count: number, seed: number): Generator<Buffer> {
  const random = randomFrom(seed);
  for (const good of target.seeds) yield good;
  for (let k = 0; k < count; k++) yield mutate(target, random);
}

async function main([what, ...rest]: string[]): Promise<void> {
  const results: FuzzResult[] = [];
  if (what === 'corpus') {
    for (const name of readdirSync(rest[0]!)) {
      const cases = readdirSync(path.join(rest[0]!, name)).map((file) => readFileSync(path.join(rest[0]!, name, file)));
      results.push(await fuzz(name, cases));
    }
  } else {
    const names = what === 'all' ? Object.keys(targets) : [what!];
    for (const name of names) results.push(await fuzz(name, mutated(targets[name]!, Number(rest[0]), Number(rest[1]))));
  }
  console.log(JSON.stringify(results));
}

main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
