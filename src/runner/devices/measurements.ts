/** @file What engines were measured to do on this machine, kept for the next run. */

import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import * as z from 'zod';
import { writeAtomically } from '../../model/files/atomic';
import { version } from '../../../package.json';
import { dataFolder, installedLibrary } from '../../engine/libraries';
import { libraryOf } from '../../protocol/libraries';
import { engineNames, precisions, type EngineName, type Precision } from '../../protocol/engines';

/** Which engine, as what, and when. */
const subject = z.object({
  engine: z.enum(engineNames),
  precision: z.enum(precisions),
  /** Of what computes: ours, and the library's where there is one. */
  version: z.string(),
  /** ISO 8601, UTC. */
  time: z.string(),
});

/** The device's own name, and how fast the small step ran on it. */
const measurementSchema = subject.extend({
  device: z.string(),
  /** A GPU that the processor imitates. */
  software: z.literal(true).optional(),
  stepMs: z.number(),
  tokensPerSecond: z.number(),
  /** Of the processor rather than by the clock, since others kept the machine busy. */
  ofProcessor: z.boolean().optional(),
});

/** Why an engine could not be measured. */
const failureSchema = subject.extend({ reason: z.string() });

const fileSchema = z.object({
  /** By the small step. */
  measurements: z.array(measurementSchema),
  /** By the quick step, of engines that were compared in turn; absent in files of earlier versions. */
  compared: z.array(measurementSchema).default([]),
  failures: z.array(failureSchema),
});

export type Measurement = z.infer<typeof measurementSchema>;
export type Failure = z.infer<typeof failureSchema>;
export type Remembered = z.infer<typeof fileSchema>;

/** A driver may be installed meanwhile, and a busy machine be free again, so that a failure and a comparison there count for so long only, in milliseconds. */
const A_DAY = 24 * 3600 * 1000;

const file = (): string => path.join(dataFolder(), 'measurements.json');

export function engineVersion(engine: EngineName): string {
  const library = libraryOf[engine];
  const installed = library && installedLibrary(library);
  return installed ? `${version}+${installed.version}` : version;
}

/** All that counts of engines as they are now; a missing or damaged file remembers nothing. */
export async function remembered(now = Date.now()): Promise<Remembered> {
  try {
    const { measurements, compared, failures } = fileSchema.parse(JSON.parse(await readFile(file(), 'utf8')));
    const isCurrent = ({ engine, version: then }: Measurement | Failure): boolean => then === engineVersion(engine);
    const isOfToday = ({ time }: Measurement | Failure): boolean => now - Date.parse(time) < A_DAY;
    return {
      measurements: measurements.filter(isCurrent),
      compared: compared.filter((one) => isCurrent(one) && (!one.ofProcessor || isOfToday(one))),
      failures: failures.filter((failure) => isCurrent(failure) && isOfToday(failure)),
    };
  } catch {
    return { ...nothing };
  }
}

export const nothing: Remembered = { measurements: [], compared: [], failures: [] };

export function findOf<T extends Measurement | Failure>(
  known: readonly T[],
  engine: EngineName,
  precision: Precision,
): T | undefined {
  return known.find((one) => one.engine === engine && one.precision === precision);
}

/**
 * Keeps what was found, in place of what was known of the same engines; a comparison in place of the one before, whose times were those of another day.
 * Where that cannot be written, only time is lost.
 */
export async function remember(found: Remembered): Promise<void> {
  const known = await remembered();
  const all = [...found.measurements, ...found.compared, ...found.failures];
  if (all.length === 0) return;
  const others = <T extends Measurement | Failure>(
    list: readonly T[],
    newer: readonly (Measurement | Failure)[],
  ): T[] => list.filter(({ engine, precision }) => !findOf(newer, engine, precision));
  const isCompared = (asked: Precision): boolean => found.compared.some(({ precision }) => precision === asked);
  const kept: Remembered = {
    measurements: [...others(known.measurements, [...found.measurements, ...found.failures]), ...found.measurements],
    compared: [...others(known.compared, all).filter(({ precision }) => !isCompared(precision)), ...found.compared],
    failures: [...others(known.failures, all), ...found.failures],
  };
  try {
    await mkdir(dataFolder(), { recursive: true });
    await writeAtomically(file(), `${JSON.stringify(kept, undefined, 2)}\n`);
  } catch {
    // A read-only home: measured again the next time.
  }
}
