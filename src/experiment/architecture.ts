/** @file From the few sizes that an experiment names to the whole architecture of a model. */

import type { Task } from '../protocol/records';
import {
  type Architecture,
  type Head,
  isOpaque,
  plainEmbedding,
  type ProblemType,
  sentenceWidth,
  type TeacherModel,
} from '../model/architecture';
import { embeddingFor } from '../model/parameters';
import { createArchitecture } from '../model/layouts/config';
import { type Family, familyNames, layoutOf } from '../model/layouts/families';
import type { SpecialTokens } from '../tokenizer/special-tokens';
import { membersOf } from './ensemble';
import type { ArchitectureSpec } from './file/blocks/architecture';
import type { ResolvedExperiment } from './file/schema';
import { hasLabels, isOfEmbeddings } from '../protocol/tasks';

/** What stands on the transformer for a task. */
export const headOfTask: Record<Task, Head> = {
  'text-classification': 'sequence-classification',
  'causal-lm': 'causal-lm',
  'masked-lm': 'masked-lm',
  'token-classification': 'token-classification',
  'sentence-embedding': 'sentence-embedding',
};

/** Families that can learn a task: an encoder sees both sides of a token, a decoder only what is before it. */
export function familiesOfTask(task: Task): Family[] {
  return familyNames.filter((family) => headOfTask[task] in layoutOf(family).classNames);
}

/** Whether a family sees only what is before a token. */
export const isDecoder = (family: string): boolean => 'causal-lm' in layoutOf(family).classNames;

/** Whether several query heads of a family can share keys and values. */
export const sharesKeyValueHeads = (family: Family): boolean => layoutOf(family).sharesKeyValueHeads === true;

export interface ArchitectureContext {
  task: Task;
  vocabularySize: number;
  /** Longest example in tokens: positions of a model whose experiment names none. */
  maxLength: number;
  /** Dropout rate everywhere in the model, from the training block. */
  dropout: number;
  /** Names of the classes by index; text-classification only. */
  labels?: readonly string[] | undefined;
  /** What they are; one class a row if left out. */
  problemType?: ProblemType | undefined;
  special?: SpecialTokens | undefined;
  /** Of a student whom it learns from, where that is known: its embeddings are as wide. */
  teacher?: TeacherModel | undefined;
}

/** The architecture of a student, or of a teacher that is trained here, with the family's defaults. */
export function buildArchitecture(spec: ArchitectureSpec, context: ArchitectureContext): Architecture {
  const { task, vocabularySize, maxLength, dropout, labels, problemType = 'single-label', special = {} } = context;
  const { keyValueHeads } = spec;
  return createArchitecture({
    family: spec.family,
    head: headOfTask[task],
    hiddenSize: spec.hiddenSize,
    layers: spec.layers,
    heads: spec.heads,
    ...(keyValueHeads !== undefined && { keyValueHeads }),
    ...(spec.intermediateSize !== undefined && { intermediateSize: spec.intermediateSize }),
    maxPositions: spec.maxPositions ?? maxLength,
    vocabularySize,
    ...dropoutEverywhere(spec.family, dropout),
    ...(hasLabels(task) && labels && { labels: [...labels], problemType }),
    ...(isOfEmbeddings(task) && embeddingOf(spec, context)),
    ...idsOf(spec.family, special),
  });
}

/** Of a new model: the mean of its tokens, and all else as of whom it learns from. */
function embeddingOf(
  { hiddenSize }: ArchitectureSpec,
  { teacher, maxLength }: ArchitectureContext,
): Pick<Architecture, 'embedding' | 'problemType'> {
  const known = teacher && !isOpaque(teacher) && teacher.embedding ? teacher : undefined;
  const { maxTokens: _, ...like } = { ...(known?.embedding ?? plainEmbedding), pooling: 'mean' as const };
  const width = known ? sentenceWidth(known) : hiddenSize;
  return {
    problemType: 'embedding',
    embedding: { ...embeddingFor(like, { hiddenSize }, width), maxTokens: maxLength },
  };
}

/** A student that has embeddings of its own: as wide as its teacher's, and of length 1 where those are. */
export function comparedWith(student: Architecture, teacher: TeacherModel | undefined): Architecture {
  if (!student.embedding || !teacher || isOpaque(teacher) || !teacher.embedding) return student;
  const { isNormalized } = teacher.embedding;
  return {
    ...student,
    embedding: { ...embeddingFor(student.embedding, student, sentenceWidth(teacher)), isNormalized },
  };
}

/** One rate wherever the family drops anything: where it has none, transformers has no place for one. */
export function dropoutEverywhere(family: string, rate: number): Partial<Architecture> {
  const { defaults } = layoutOf(family);
  return {
    attentionDropout: rate,
    ...(defaults.dropout > 0 && { dropout: rate }),
    ...(defaults.embeddingDropout > 0 && { embeddingDropout: rate }),
    ...(defaults.classifierDropout > 0 && { classifierDropout: rate }),
  };
}

/** Classes of the rows; in the order of a checkpoint's where those are the same, so that its classifier can be gone on with. */
export function classesFrom(rows: readonly string[], checkpoint: readonly string[] | undefined): readonly string[] {
  const same = checkpoint?.length === rows.length && rows.every((label) => checkpoint.includes(label));
  return same ? checkpoint : rows;
}

/** The number that the padding token of a tokenizer must have which the run trains, where a family of its models takes one for it; undefined: any. */
export function trainedPadId({ tokenizer, student, teacher }: ResolvedExperiment): number | undefined {
  if (tokenizer.source !== 'train') return undefined;
  const teachers = membersOf(teacher).flatMap(({ member }) => (member.source === 'train' ? [member.architecture] : []));
  return [student.architecture, ...teachers]
    .map(({ family }) => layoutOf(family).padsWith)
    .find((padId) => padId !== undefined);
}

/** The special tokens that config.json names. A decoder without a padding token pads with its end-of-text token. */
export function idsOf(family: string, special: SpecialTokens): Pick<Architecture, 'padId' | 'bosId' | 'eosId'> {
  const padId = special.pad ?? special.endOfText;
  return {
    ...(padId !== undefined && { padId }),
    ...(isDecoder(family) &&
      special.endOfText !== undefined && {
        bosId: special.beginOfText ?? special.endOfText,
        eosId: special.endOfText,
      }),
  };
}
