/**
 * @file Files of records, one JSON object a line (`metrics.jsonl`, `evaluations.jsonl`). A line that a dying process left torn counts
 * as not written. What a checkpoint has behind it is on the disk before the checkpoint is.
 */

import { closeSync, constants, fsyncSync, openSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { naming, ofFile, syncFolder, writeAtomically } from '../model/files/atomic';
import type { EvaluationRecord, MetricsRecord } from '../protocol/records';
import { makeFolder } from './folders';
import { dropNulls } from './numbers';
import { openOwned, readOwnedIfThere, requireOwned } from './owned';
import type { TrainingPaths } from './run-paths';

/** The files of records that the training of a model writes, and what a line of each holds. */
export interface RecordKinds {
  metrics: MetricsRecord;
  evaluations: EvaluationRecord;
}

export type RecordKind = keyof RecordKinds;

export interface RecordWriter<Kind extends RecordKind> {
  /** What was not as this program writes it, in what is kept of the file. */
  readonly found: RecordsFound;
  append(record: RecordKinds[Kind]): void;
  /** Puts what was appended on the disk. */
  sync(): void;
  /** Puts what was appended on disk and closes the file. */
  close(): void;
}

/** Damage that is not of this program's making: it writes a record once, and none is lost that a checkpoint has behind it. */
export interface RecordsFound {
  /** Of `metrics` with `lastStep`: steps up to that one which have no record. */
  missing: number;
  /** Records of a step that has one already, which are removed. */
  doubled: number;
}

/**
 * Opens a file of records for appending. A torn last line is removed. With `lastStep`, so are the records after that
 * step: a run that resumes from a checkpoint writes them again.
 */
export async function openRecords<Kind extends RecordKind>(
  paths: TrainingPaths,
  kind: Kind,
  lastStep = Infinity,
): Promise<RecordWriter<Kind>> {
  const file = paths[kind];
  requireOwned(file);
  await makeFolder(dirname(file));
  const found = lastStep === Infinity ? { missing: 0, doubled: 0 } : await cutRecords(paths, kind, lastStep);
  await repairRecords(file);
  const descriptor = openSync(file, 'a');
  let isOpen = true;
  const named = (work: () => void): void => {
    try {
      work();
    } catch (error) {
      throw ofFile(file, error);
    }
  };
  await syncFolder(dirname(file));
  return {
    found,
    append: (record) => named(() => writeWhole(descriptor, Buffer.from(`${JSON.stringify(record)}\n`))),
    sync: () => named(() => fsyncSync(descriptor)),
    close: () => {
      if (!isOpen) return;
      isOpen = false;
      try {
        named(() => fsyncSync(descriptor));
      } finally {
        closeSync(descriptor);
      }
    },
  };
}

/** A nearly full disk may take a part alone; it says so at the rest. */
function writeWhole(descriptor: number, bytes: Buffer): void {
  for (let done = 0; done < bytes.length;) done += writeSync(descriptor, bytes, done);
}

/** All whole records of a file, in order; a torn rest is left for later. None where the file does not exist. */
export async function readRecords<Kind extends RecordKind>(
  paths: TrainingPaths,
  kind: Kind,
): Promise<RecordKinds[Kind][]> {
  const content = (await readOwnedIfThere(paths[kind])) ?? Buffer.alloc(0);
  const lines = content.toString('utf8', 0, content.lastIndexOf(0x0a) + 1).split('\n');
  return lines.map((line) => parseRecord(line, kind)).filter((record) => record !== undefined);
}

/** Undefined for an empty or damaged line: a power cut can leave NUL bytes, and one lost point should not hide all others. */
export function parseRecord<Kind extends RecordKind>(line: string, kind: Kind): RecordKinds[Kind] | undefined {
  try {
    const record: unknown = JSON.parse(line, dropNulls);
    return isRecord(record, kind) ? record : undefined;
  } catch {
    return undefined;
  }
}

/** The fields that views index by are checked; the rest is as the runner wrote it. */
function isRecord<Kind extends RecordKind>(value: unknown, kind: Kind): value is RecordKinds[Kind] {
  const field = kind === 'metrics' ? 'loss' : 'metrics';
  if (typeof value !== 'object' || value === null || !('step' in value) || !(field in value)) return false;
  const content: unknown = (value as Record<string, unknown>)[field];
  return typeof value.step === 'number' && typeof content === 'object' && content !== null;
}

async function cutRecords(paths: TrainingPaths, kind: RecordKind, lastStep: number): Promise<RecordsFound> {
  const records = await readRecords(paths, kind);
  const before = records.filter((record) => record.step <= lastStep);
  const kept = [...new Map(before.map((record) => [record.step, record])).values()];
  if (kept.length < records.length) {
    // A new file, not a shorter one: who follows the old one sees from its identity that it must start again.
    await writeAtomically(paths[kind], kept.map((record) => `${JSON.stringify(record)}\n`).join(''));
  }
  return {
    missing: kind === 'metrics' ? lastStep + 1 - kept.length : 0,
    doubled: before.length - kept.length,
  };
}

async function repairRecords(file: string): Promise<void> {
  const content = await readOwnedIfThere(file);
  if (content === undefined) return;
  const whole = content.lastIndexOf(0x0a) + 1;
  if (whole === content.length) return;
  const handle = await openOwned(file, constants.O_RDWR);
  try {
    await naming(file, handle.truncate(whole));
    await naming(file, handle.sync());
  } finally {
    await handle.close();
  }
}
