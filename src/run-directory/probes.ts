/** @file Reads and writes `probes/`: the pinned examples, and teacher's and student's logits for them. */

import { join } from 'node:path';
import { writeAtomically } from '../model/files/atomic';
import { encodeFloat16 } from '../protocol/float16';
import { readSafetensors, toFloat32, writeSafetensors } from '../model/files/safetensors';
import { InputError } from '../protocol/problem';
import type { ProbeExamples } from '../protocol/inspection-records';
import { makeFolder } from './folders';
import { listOwned, readOwnedIfThere, requireOwned } from './owned';
import { probeExamplesSchema } from './run-schemas';

const EXAMPLES = 'examples.json';
const TEACHER = 'teacher.safetensors';
const STEP_FILE = /^step-(\d+)\.safetensors$/;

/** Logits of one example, [positions, names]. */
export interface StoredLogits {
  shape: readonly [number, number];
  data: Float32Array;
}

const stepFile = (step: number): string => `step-${String(step).padStart(6, '0')}.safetensors`;

export async function writeProbeExamples(directory: string, examples: ProbeExamples): Promise<void> {
  await makeFolder(directory);
  await writeAtomically(join(directory, EXAMPLES), JSON.stringify(examples));
}

export async function writeTeacherProbe(directory: string, logits: readonly StoredLogits[]): Promise<void> {
  await writeLogits(join(directory, TEACHER), logits);
}

export async function writeStudentProbe(
  directory: string,
  step: number,
  logits: readonly StoredLogits[],
): Promise<void> {
  await writeLogits(join(directory, stepFile(step)), logits);
}

async function writeLogits(file: string, logits: readonly StoredLogits[]): Promise<void> {
  const tensors = logits.map(({ shape, data }, k) => [`logits.${k}`, { shape, data: encodeFloat16(data) }] as const);
  await writeSafetensors(file, Object.fromEntries(tensors));
}

/** The pinned examples; undefined before they are written. Throws an InputError where they are damaged. */
export async function readProbeExamples(directory: string): Promise<ProbeExamples | undefined> {
  const content = await readOwnedIfThere(join(directory, EXAMPLES));
  if (content === undefined) return undefined;
  try {
    return probeExamplesSchema.parse(JSON.parse(content.toString()));
  } catch {
    throw damaged(directory, EXAMPLES);
  }
}

/**
 * Logits of each example, [positions · names], from the teacher; undefined before they are written. Throws an InputError where they are
 * damaged or those of other examples.
 */
export async function readTeacherProbe(directory: string): Promise<Float32Array[] | undefined> {
  return readLogits(directory, TEACHER);
}

/** The same from the student as it was at a step. */
export async function readStudentProbe(directory: string, step: number): Promise<Float32Array[] | undefined> {
  return readLogits(directory, stepFile(step));
}

/** Steps that have a student probe, ascending. */
export async function probeSteps(directory: string): Promise<number[]> {
  const files = await listOwned(directory);
  const steps = files.map((file) => Number(STEP_FILE.exec(file)?.[1] ?? NaN));
  return steps.filter((step) => !Number.isNaN(step)).sort((a, b) => a - b);
}

async function readLogits(directory: string, file: string): Promise<Float32Array[] | undefined> {
  if (!(await listOwned(directory)).includes(file)) return undefined;
  requireOwned(join(directory, file));
  const stored = await readSafetensors(join(directory, file));
  const probed = await readProbeExamples(directory);
  return probed?.examples.map(({ positions }, k) => {
    const tensor = stored[`logits.${k}`];
    const logits = tensor && toFloat32(tensor);
    if (logits?.length !== positions.length * probed.names.length) throw damaged(directory, file);
    return logits;
  });
}

const damaged = (directory: string, file: string): InputError =>
  InputError.at(join(directory, file), 'run-file-damaged', {});
