/** @file Hugging Face folders and GGUF files that an experiment names: which is meant, and what model and tokenizer are in it. */

import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { InputError } from '../../protocol/problem';
import { type Architecture } from '../../model/architecture';
import { architectureIn } from '../../model/files/checkpoint';
import type { NewHead } from '../../model/layouts/config';
import { GgufFile } from '../../model/files/gguf';
import { findGguf, readGgufArchitecture } from '../../model/files/gguf-checkpoint';
import { findTensors, requireRoom } from '../../model/files/weight-files';
import { hasTokenizer, tokenizerOfGguf } from '../../tokenizer/gguf-tokenizer';
import { Tokenizer } from '../../tokenizer/tokenizer';
import { hasTokenizerFiles } from '../../tokenizer/tokenizer-files';
import { isFile, isFolder } from './dataset-files';
import { locateModel } from './locate-model';
import { findCompleteDirectory } from '../../run-directory/atomic-directory';
import { findRun } from '../../run-directory/run-directory';
import { readRunExperiment } from '../experiment-record';
import { memberPaths, type RunPaths } from '../../run-directory/run-paths';
import { isTrained, membersOf } from '../ensemble';
import type { SingleSpec, TeacherSpec } from '../file/blocks/teacher';
import { onnxFolderOf } from './onnx-teacher';

/**
 * The folder of the teacher's model, of an ensemble the first that is given and no ONNX file; undefined for one that the run trains itself, and for an ONNX file or a server. Relative paths are relative to
 * `base`. Throws an InputError where an earlier run or a named model is not found, or its model is a link.
 */
export async function teacherFolder(teacher: TeacherSpec | SingleSpec, base: string): Promise<string | undefined> {
  if (teacher.source === 'ensemble') {
    const given = teacher.teachers.find((member) => !isTrained(member) && member.source !== 'onnx');
    return given && teacherFolder(given, base);
  }
  const { source } = teacher;
  if (source === 'train' || source === 'onnx' || source === 'endpoint' || isTrained(teacher)) return undefined;
  if (teacher.source === 'checkpoint') return (await locateModel(teacher.path, base)).path;
  const run = await findRun(teacher.run, base);
  if (teacher.role === 'teacher') return teacherOfRun(run);
  return (await findCompleteDirectory(run.model)) ?? run.model;
}

/** The folder of a teacher that is there before the run, with its tokenizer: its model's, or that of the checkpoint that it is fine-tuned from. */
export async function givenFolder(teacher: TeacherSpec | SingleSpec, base: string): Promise<string | undefined> {
  const found = await teacherFolder(teacher, base);
  if (found !== undefined) return found;
  const exported = onnxIn(teacher);
  if (exported !== undefined) return onnxFolderOf(resolve(base, exported.path));
  const [start] = membersOf(teacher).flatMap(({ member }) => (member.source === 'checkpoint' ? [member.path] : []));
  return start === undefined ? undefined : (await locateModel(start, base)).path;
}

/** The ONNX file that a teacher is, or the first of an ensemble's. */
export const onnxIn = (teacher: TeacherSpec | SingleSpec): { path: string } | undefined =>
  membersOf(teacher)
    .map(({ member }) => member)
    .find((member) => member.source === 'onnx');

/** The folder of the teacher that a run used, wherever that came from. Throws an InputError where that is an ensemble. */
export async function teacherOfRun(run: RunPaths): Promise<string> {
  const { teacher } = await readRunExperiment(run);
  if (teacher.source === 'ensemble') throw InputError.at(run.directory, 'teacher-of-run-is-ensemble', {});
  if (teacher.source === 'onnx') throw InputError.at(run.directory, 'teacher-of-run-is-onnx', {});
  if (teacher.source === 'endpoint') throw InputError.at(run.directory, 'teacher-of-run-is-endpoint', {});
  const elsewhere = await teacherFolder(teacher, run.directory);
  return elsewhere ?? (await findCompleteDirectory(run.teacher.model)) ?? run.teacher.model;
}

/** An ensemble's member, with its share of the weights: a folder, or an ONNX file. */
export interface MemberLocation {
  folder: string;
  onnx?: string;
  weight: number;
}

/** An ensemble's members; undefined where the run's teacher is a single model. */
export async function membersOfRun(run: RunPaths): Promise<MemberLocation[] | undefined> {
  const { teacher } = await readRunExperiment(run);
  if (teacher.source !== 'ensemble') return undefined;
  const members = membersOf(teacher).map(async ({ member, weight }, i) => ({
    folder: (await teacherFolder(member, run.directory)) ?? memberPaths(run, i).model,
    ...(member.source === 'onnx' && { onnx: resolve(run.directory, member.path) }),
    weight,
  }));
  return Promise.all(members);
}

/**
 * The architecture in a model folder or GGUF file, which has weights too. Of these only the names of the tensors are read.
 * Throws an InputError that names the file.
 * @param wanted the head that it gets in place of its own
 * @param sizesAlone whether a folder may have a config.json alone, for what only plans with it
 */
export async function readArchitecture(folder: string, wanted?: NewHead, sizesAlone = false): Promise<Architecture> {
  const gguf = await findGguf(folder);
  if (gguf !== undefined) return readGgufArchitecture(gguf, wanted);
  if (!(await isFolder(folder))) {
    throw InputError.at(folder, 'model-folder-missing', {});
  }
  const file = join(folder, 'config.json');
  if (!(await isFile(file))) {
    throw InputError.at(folder, 'model-without-config', {});
  }
  const architecture = await architectureIn(folder, await readConfig(file), wanted);
  if (sizesAlone) return architecture;
  const weights = ['model.safetensors', 'model.safetensors.index.json'].map((name) => isFile(join(folder, name)));
  if (!(await Promise.all(weights)).includes(true)) {
    throw InputError.at(folder, 'model-without-weights', {});
  }
  requireRoom(architecture, (await findTensors(folder)).fileOf.size, file);
  return architecture;
}

/** The classes of a folder's classifier; undefined where there is none. */
export async function classesOf(folder: string): Promise<string[] | undefined> {
  // What is wrong with the folder is said where all of it is read.
  return (await readArchitecture(folder).catch(() => undefined))?.labels;
}

async function readConfig(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as unknown;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw InputError.at(file, 'model-config-unreadable', { reason });
  }
}

/** Whether a model folder, or a GGUF file, has a tokenizer. */
export async function isWithTokenizer(folder: string): Promise<boolean> {
  const gguf = await findGguf(folder);
  return gguf === undefined ? hasTokenizerFiles(folder) : hasTokenizer(await readMetadata(gguf));
}

/** The tokenizer in a model folder or GGUF file. Throws an InputError that names the file. */
export async function loadTokenizer(folder: string): Promise<Tokenizer> {
  const gguf = await findGguf(folder);
  return gguf === undefined ? Tokenizer.load(folder) : tokenizerOfGguf(await readMetadata(gguf), gguf);
}

async function readMetadata(path: string): Promise<GgufFile['metadata']> {
  const file = await GgufFile.open(path);
  await file.close();
  return file.metadata;
}
