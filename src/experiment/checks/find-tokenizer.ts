/** @file The tokenizer that the models share, and whether it is theirs. */

import { existsSync } from 'node:fs';
import { ComplaintError } from '../../protocol/problem';
import { cuttableKinds } from '../../tokenizer/cut-vocabulary';
import { isOpaque, type TeacherModel } from '../../model/architecture';
import { layoutOf } from '../../model/layouts/families';
import type { Tokenizer } from '../../tokenizer/tokenizer';
import { idsOf } from '../architecture';
import { removeKey, setValue } from '../file/fixes';
import type { Experiment } from '../file/schema';
import type { Path } from '../file/source';
import { isFolder } from './dataset-files';
import { alignFixes, useStudentsTokenizer } from './check-settings';
import type { Findings } from './findings';
import { isWithTokenizer, loadTokenizer } from './model-folder';
import { locateModel } from './locate-model';
import type { ModelFacts } from './model-facts';

export async function findTokenizer(
  experiment: Experiment,
  facts: ModelFacts,
  findings: Findings,
  sizesAlone: boolean,
): Promise<Tokenizer | undefined> {
  const { tokenizer } = experiment;
  if (tokenizer.source === 'train') return undefined;
  const folder =
    tokenizer.source === 'path'
      ? (await findings.attempt(locateModel(tokenizer.path, findings.base), ['tokenizer', 'path']))?.path
      : facts.teacherFolder;
  if (folder === undefined) return undefined;
  facts.tokenizerFolder = folder;
  const path: Path = ['tokenizer', tokenizer.source === 'path' ? 'path' : 'source'];
  const isThere = await findings.attempt(isWithTokenizer(folder), path);
  if (isThere === undefined || (!isThere && sizesAlone)) return undefined;
  // A tokenizer.json is a text to look into; a model's file is not.
  if (isThere) {
    const found = await findings.attempt(loadTokenizer(folder), (await isFolder(folder)) ? undefined : path);
    if (found && tokenizer.tokens === 'used' && !cuttableKinds.includes(found.kind)) {
      findings.error(['tokenizer', 'tokens'], 'tokens-of-kind-not-cut', { kind: found.kind, known: cuttableKinds });
    }
    if (found && experiment.dataset.chatTemplate && !findings.isFaulty(['dataset', 'chatTemplate']))
      checkChatTemplate(found, findings);
    return found;
  }
  if (tokenizer.source === 'teacher') findings.error(['tokenizer', 'source'], 'teacher-without-tokenizer', {});
  else findings.error(path, existsSync(folder) ? 'tokenizer-not-in-folder' : 'model-folder-missing', {});
  return undefined;
}

function checkChatTemplate(tokenizer: Tokenizer, findings: Findings): void {
  const path: Path = ['dataset', 'chatTemplate'];
  try {
    // Any will do: what is wrong with one of the rows is found where that is read.
    if (tokenizer.chat) tokenizer.chat.turn('Hello', 'Hello');
    else findings.error(path, 'chat-template-missing', {}, removeKey(path));
  } catch (error) {
    if (!(error instanceof ComplaintError)) throw error;
    findings.object(path, error.complaint);
  }
}

export function checkVocabulary(
  experiment: Experiment,
  tokenizer: Tokenizer,
  facts: ModelFacts,
  findings: Findings,
): void {
  const path: Path = ['tokenizer', experiment.tokenizer.source === 'path' ? 'path' : 'source'];
  const { task, dataset } = experiment;
  const needed = { 'masked-lm': 'mask', 'causal-lm': 'endOfText' }[task as string] as 'mask' | 'endOfText' | undefined;
  if (needed !== undefined && tokenizer.special[needed] === undefined) {
    const token = needed === 'mask' ? 'mask' : 'end-of-text';
    findings.error(path, 'tokenizer-lacks-token', { token, task });
  }
  const keepsOwn = experiment.distillation.vocabulary === 'align';
  for (const { model, path: ofMember } of keepsOwn ? [] : (facts.members?.slice(1) ?? [])) {
    if (tokenizer.vocabularySize <= model.vocabularySize) continue;
    const sizes = { tokens: tokenizer.vocabularySize, known: model.vocabularySize };
    findings.error(ofMember, 'tokenizer-larger-than-model', { ...sizes, role: 'teacher' });
  }
  for (const role of ['teacher', 'student'] as const) {
    const model = facts[role];
    if (model === undefined || (keepsOwn && role === 'teacher')) continue;
    checkPadding(path, tokenizer, model, findings);
    if (tokenizer.vocabularySize > model.vocabularySize) {
      const sizes = { tokens: tokenizer.vocabularySize, known: model.vocabularySize };
      findings.error(path, 'tokenizer-larger-than-model', { ...sizes, role });
    }
    if (model.maxPositions < dataset.maxLength) {
      const at = ['dataset', 'maxLength'];
      const sizes = { maxLength: dataset.maxLength, positions: model.maxPositions };
      findings.error(at, 'examples-longer-than-model', { ...sizes, role }, setValue(at, model.maxPositions));
    }
  }
}

/** Of a family that takes a token for the padding token whatever it is told. */
function checkPadding(path: Path, { special }: Tokenizer, model: TeacherModel, findings: Findings): void {
  if (isOpaque(model)) return;
  const { padsWith: needed } = layoutOf(model.family);
  const { padId } = idsOf(model.family, special);
  if (needed === undefined || padId === undefined || padId === needed) return;
  findings.error(path, 'model-pads-with-another', { family: model.family, padId, needed });
}

/** The folders of the teacher, or of an ensemble's members, and where the experiment names each. */
const teachersIn = ({ members, teacherFolder }: ModelFacts, path: Path): { folder: string; path: Path }[] =>
  members ?? (teacherFolder === undefined ? [] : [{ folder: teacherFolder, path }]);

/** Where models share one tokenizer and their folders have another one, their ids mean other tokens. A student has that of the experiment in any case. */
export async function checkSameTokenizer(
  experiment: Experiment,
  tokenizer: Tokenizer,
  facts: ModelFacts,
  findings: Findings,
): Promise<void> {
  const isOfAnother = async (folder: string | undefined): Promise<boolean> => {
    if (folder === undefined || folder === facts.tokenizerFolder) return false;
    if (!(await findings.attempt(isWithTokenizer(folder)))) return false;
    const own = await findings.attempt(loadTokenizer(folder));
    return own !== undefined && !haveSameTokens(own, tokenizer);
  };
  const keepsOwn = experiment.distillation.vocabulary === 'align';
  const fixes = alignFixes(experiment);
  const teachers = keepsOwn ? [] : teachersIn(facts, ['tokenizer', 'path']);
  const others: typeof teachers = [];
  for (const teacher of teachers) if (await isOfAnother(teacher.folder)) others.push(teacher);
  // Where one of several has the tokenizer of the experiment, they share none.
  const ways = others.length === teachers.length ? fixes : [];
  const told = { role: 'teacher', vocabulary: ways.length > 0 ? 'align' : undefined, path: undefined };
  for (const { path } of others) findings.error(path, 'tokenizer-of-another-model', told, ...ways);
  const { initialize } = experiment.student;
  if (initialize.from !== 'checkpoint' || !(await isOfAnother(facts.studentFolder))) return;
  const canKeep = keepsOwn || fixes.length > 0;
  const own = canKeep ? [useStudentsTokenizer(initialize.path)] : [];
  findings.error(
    ['student', 'initialize', 'path'],
    'tokenizer-of-another-model',
    { role: 'student', vocabulary: undefined, path: canKeep ? initialize.path : undefined },
    ...own,
  );
}

/** A teacher that keeps its own tokenizer has one, whose tokens it knows, and which an ensemble's members share. */
export async function checkTeachersTokenizer(
  { teacher, distillation }: Experiment,
  facts: ModelFacts,
  findings: Findings,
): Promise<void> {
  if (distillation.vocabulary !== 'align') return;
  let first: Tokenizer | undefined;
  const single: Path = ['teacher', teacher.source === 'run' ? 'run' : 'path'];
  for (const { folder, path } of teachersIn(facts, single)) {
    const isThere = await findings.attempt(isWithTokenizer(folder), path);
    if (isThere === false) findings.error(path, 'aligned-teacher-without-tokenizer', {});
    const own = isThere ? await findings.attempt(loadTokenizer(folder), path) : undefined;
    if (own === undefined) continue;
    first ??= own;
    if (!haveSameTokens(own, first)) findings.error(path, 'ensemble-of-other-tokenizers', {});
    const known = (facts.members?.find((member) => member.path === path)?.model ?? facts.teacher)?.vocabularySize;
    if (known === undefined || own.vocabularySize <= known) continue;
    findings.error(path, 'tokenizer-larger-than-model', { tokens: own.vocabularySize, known, role: 'teacher' });
  }
}

function haveSameTokens(a: Tokenizer, b: Tokenizer): boolean {
  if (a.contentHash === b.contentHash) return true;
  const size = tokensWithoutPadding(a);
  if (size !== tokensWithoutPadding(b)) return false;
  for (let id = 0; id < size; id++) if (a.tokenText(id) !== b.tokenText(id)) return false;
  return true;
}

/** A GGUF file has a name for each row of the embeddings; those that no token has are called by their id, which no text becomes. */
function tokensWithoutPadding(tokenizer: Tokenizer): number {
  let size = tokenizer.vocabularySize;
  while (size > 0 && tokenizer.tokenText(size - 1) === `[PAD${size - 1}]`) size--;
  return size;
}
