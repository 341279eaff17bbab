/**
 * @file The probes of a training: logits of a few pinned examples, kept at each evaluation, so that one can replay how the
 * student's distribution grew towards the teacher's. records.ts describes the files.
 */

import { mkdir, readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { asFloat16, readSafetensors, toFloat32, writeSafetensors, type TensorToWrite } from '../model/safetensors';
import type { ProbeExamples } from '../protocol/records';

/** Whose logits: the frozen teacher's, or the student's after this many optimizer steps. */
export type ProbeMoment = 'teacher' | number;

const examplesFile = 'examples.json';
const stepFile = /^step-(\d{6,})\.safetensors$/;

function logitsFile(moment: ProbeMoment): string {
  return `${moment === 'teacher' ? moment : `step-${String(moment).padStart(6, '0')}`}.safetensors`;
}

/** Writes which examples are pinned. `directory` is a training's `probes`, made if need be. */
export async function writeProbeExamples(directory: string, examples: ProbeExamples): Promise<void> {
  await mkdir(directory, { recursive: true });
  await writeFileAtomic(join(directory, examplesFile), JSON.stringify(examples));
}

/** Writes the logits of all pinned examples: for each an array [positions, classes or vocabulary], row by row. */
export async function writeProbeLogits(
  directory: string,
  moment: ProbeMoment,
  logits: readonly Float32Array[],
  width: number,
): Promise<void> {
  const tensors: Record<string, TensorToWrite> = {};
  for (const [k, data] of logits.entries()) {
    tensors[`logits.${k}`] = asFloat16([data.length / width, width], data);
  }
  await writeSafetensors(join(directory, logitsFile(moment)), tensors);
}

/** Undefined before the first probe. */
export async function readProbeExamples(directory: string): Promise<ProbeExamples | undefined> {
  try {
    return JSON.parse(await readFile(join(directory, examplesFile), 'utf8')) as ProbeExamples;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Steps whose logits are kept, ascending; and whether the teacher's are. */
export async function listProbes(directory: string): Promise<{ steps: number[]; teacher: boolean }> {
  const names = await readdir(directory).catch((): string[] => []);
  const steps = names.map((name) => stepFile.exec(name)?.[1]).filter((step) => step !== undefined);
  return { steps: steps.map(Number).sort((a, b) => a - b), teacher: names.includes(logitsFile('teacher')) };
}

/** Logits as they were written, one array an example, in the order of the examples. Throws an InputError. */
export async function readProbeLogits(directory: string, moment: ProbeMoment): Promise<Float32Array[]> {
  const tensors = await readSafetensors(join(directory, logitsFile(moment)));
  const logits: Float32Array[] = [];
  for (let k = 0; ; k++) {
    const tensor = tensors[`logits.${k}`];
    const values = tensor && toFloat32(tensor);
    if (!values) return logits;
    logits.push(values);
  }
}
