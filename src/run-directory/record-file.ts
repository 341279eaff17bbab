/**
 * @file Files of records, one JSON object a line (`metrics.jsonl`, `evaluations.jsonl`). Each record is written by one
 * write; a line that a dying process left torn counts as not written.
 */

import { closeSync, constants, fsyncSync, openSync, writeSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import type { EvaluationRecord, MetricsRecord } from '../protocol/records';
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
  append(record: RecordKinds[Kind]): void;
  /** Puts what was appended on disk and closes the file. */
  close(): void;
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
  await mkdir(dirname(file), { recursive: true });
  if (lastStep !== Infinity) await cutRecords(paths, kind, lastStep);
  await repairRecords(file);
  const descriptor = openSync(file, 'a');
  let isOpen = true;
  return {
    append: (record) => {
      writeSync(descriptor, `${JSON.stringify(record)}\n`);
    },
    close: () => {
      if (!isOpen) return;
      isOpen = false;
      fsyncSync(descriptor);
      closeSync(descriptor);
    },
  };
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

async function cutRecords(paths: TrainingPaths, kind: RecordKind, lastStep: number): Promise<void> {
  const records = await readRecords(paths, kind);
  const kept = records.filter((record) => record.step <= lastStep);
  if (kept.length === records.length) return;
  // A new file, not a shorter one: who follows the old one sees from its identity that it must start again.
  await writeFileAtomic(paths[kind], kept.map((record) => `${JSON.stringify(record)}\n`).join(''));
}

async function repairRecords(file: string): Promise<void> {
  const content = await readOwnedIfThere(file);
  if (content === undefined) return;
  const whole = content.lastIndexOf(0x0a) + 1;
  if (whole === content.length) return;
  const handle = await openOwned(file, constants.O_RDWR);
  try {
    await handle.truncate(whole);
    await handle.sync();
  } finally {
    await handle.close();
  }
}
