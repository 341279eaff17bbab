/** @file What a model on this machine is and can be used for, from its config, the names of its tensors and its card. No weight is read. */

import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { headOfTask } from '../../experiment/architecture';
import { isFolder } from '../../experiment/checks/dataset-files';
import { readArchitecture } from '../../experiment/checks/model-folder';
import { architectureIn, requireParameters } from '../../model/files/checkpoint';
import { findTensors, requireRoom } from '../../model/files/weight-files';
import type { Architecture } from '../../model/architecture';
import { parameterCount } from '../../model/layouts/config';
import { readStart } from '../../model/local/hub-cache';
import { complaintOf, InputError, type Complaint } from '../../protocol/problem';
import { hasTokenizerFiles } from '../../tokenizer/tokenizer-files';
import type { ModelRecord } from '../../protocol/machine-records';
import { tasks, type Task } from '../../protocol/records';

export type ModelDescription = Omit<ModelRecord, 'id' | 'source' | 'path' | 'commit' | 'revisions'>;

/** A config has some kilobytes, a card begins with what is looked for. */
const LARGEST_CONFIG = 1 << 20;
const CARD_BYTES = 1 << 16;

/** What is wrong with it is a part of the answer. @param path a Hugging Face folder, or a file that holds a model */
export async function describeModel(path: string): Promise<ModelDescription> {
  if (!(await isFolder(path))) return describeFile(path);
  const common = {
    bytes: await bytesIn(path),
    licence: await licenceIn(path),
    hasTokenizer: await hasTokenizerFiles(path),
  };
  try {
    const file = join(path, 'config.json');
    const config = await readConfig(file);
    const own = await attempt(() => architectureIn(path, config));
    const starts: { task: Task; architecture: Architecture }[] = [];
    for (const task of tasks) {
      const found = await attempt(() => architectureIn(path, config, { head: headOfTask[task], labels: ['0', '1'] }));
      if (!('problem' in found)) starts.push({ task, architecture: found.architecture });
    }
    const architecture = 'problem' in own ? starts[0]?.architecture : own.architecture;
    if (architecture === undefined)
      return { ...common, ...unusable((own as Failed).problem), family: familyOf(config) };
    requireRoom(architecture, (await findTensors(path)).fileOf.size, file);
    await requireParameters(path, architecture, 'problem' in own);
    return {
      ...common,
      family: architecture.family,
      parameters: parameterCount(architecture),
      maxPositions: architecture.maxPositions,
      tasks: 'problem' in own ? [] : tasksOf(own.architecture),
      startsFor: starts.map(({ task }) => task),
    };
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return { ...common, ...unusable(complaintOf(error)) };
  }
}

async function describeFile(path: string): Promise<ModelDescription> {
  const common = { bytes: (await stat(path)).size, hasTokenizer: true };
  try {
    const architecture = await readArchitecture(path);
    const startsFor: Task[] = [];
    for (const task of tasks) {
      const wanted = { head: headOfTask[task], labels: ['0', '1'] };
      if (await readArchitecture(path, wanted).catch(() => undefined)) startsFor.push(task);
    }
    const { family, maxPositions } = architecture;
    const parameters = parameterCount(architecture);
    return { ...common, family, parameters, maxPositions, tasks: tasksOf(architecture), startsFor };
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return { ...common, ...unusable(complaintOf(error)) };
  }
}

interface Failed {
  problem: Complaint;
}

async function attempt(read: () => Promise<Architecture>): Promise<{ architecture: Architecture } | Failed> {
  try {
    return { architecture: await read() };
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return { problem: complaintOf(error) };
  }
}

const unusable = (problem: Complaint) => ({ tasks: [], startsFor: [], problem });

const tasksOf = ({ head }: Architecture): Task[] => tasks.filter((task) => headOfTask[task] === head);

/** @throws InputError */
async function readConfig(file: string): Promise<unknown> {
  const found = await stat(file).catch(() => undefined);
  if (!found?.isFile()) throw InputError.at(file, 'model-without-config', {});
  const tooLarge = found.size > LARGEST_CONFIG ? `it has ${found.size} bytes` : undefined;
  try {
    if (tooLarge === undefined) return JSON.parse(await readStart(file, LARGEST_CONFIG)) as unknown;
  } catch (error) {
    throw InputError.at(file, 'model-config-unreadable', { reason: (error as Error).message });
  }
  throw InputError.at(file, 'model-config-unreadable', { reason: tooLarge });
}

/** As the config has it, known or not. */
function familyOf(config: unknown): string | undefined {
  const { model_type: family } = (config ?? {}) as { model_type?: unknown };
  return typeof family === 'string' ? family.slice(0, 40) : undefined;
}

/** Of the files in the folder itself, and of what links in it lead to. */
async function bytesIn(folder: string): Promise<number> {
  const names = await readdir(folder).catch((): string[] => []);
  const found = await Promise.all(names.map((name) => stat(join(folder, name)).catch(() => undefined)));
  return found.reduce((sum, one) => sum + (one?.isFile() ? one.size : 0), 0);
}

/** `license:` of the front matter of the model card: a name, or a list of them. */
export async function licenceIn(folder: string): Promise<string | undefined> {
  const card = await readStart(join(folder, 'README.md'), CARD_BYTES).catch(() => '');
  const [, matter = ''] = /^\uFEFF?---\r?\n(.*?)\r?\n---/s.exec(card) ?? [];
  const [, named = '', listed = ''] = /^license:[ \t]*([^\r\n]*)((?:\r?\n[ \t]*- [^\r\n]*)*)/m.exec(matter) ?? [];
  const names = (named.trim() === '' ? listed.split(/\r?\n[ \t]*- /) : named.replace(/[[\]]/g, '').split(','))
    .map((name) => name.trim().replace(/^(["'])(.*)\1$/, '$2'))
    .filter((name) => name !== '');
  return names.length > 0 ? names.join(', ').slice(0, 100) : undefined;
}
