/** @file Architectures read from and written to a Hugging Face config.json, with the defaults and limits of their families. */

import { sizeOf } from '../../engine/array';
import { complaint, InputError, type Complaint } from '../../protocol/problem';
import {
  type Architecture,
  embeddingWidth,
  type Head,
  headSizeOf,
  keyValueHeadsOf,
  predictsLabels,
  type ProblemType,
  sentenceWidth,
} from '../architecture';
import { ConfigReader } from './config-reader';
import { type Family, familyLayouts, layoutOf } from './families';
import { type Axis, RELATIVE_BUCKETS, type Units } from './layout';

/** The sizes that have no sensible default, and whatever else differs from transformers' defaults of the family. */
export type ArchitectureOptions = Pick<Architecture, 'family' | 'head' | 'hiddenSize' | 'layers' | 'heads'> &
  Pick<Architecture, 'vocabularySize'> &
  Partial<Architecture>;

/** An architecture with the family's defaults filled in; the MLP is as wide as the family makes it for such hidden states unless given. */
export function createArchitecture(options: ArchitectureOptions): Architecture {
  const layout = layoutOf(options.family);
  const intermediateSize = layout.newIntermediateSize?.(options.hiddenSize) ?? 4 * options.hiddenSize;
  return { ...layout.defaults, intermediateSize, ...layout.ofDepth?.(options.layers), ...options };
}

const SIZES = ['hiddenSize', 'layers', 'heads', 'intermediateSize', 'vocabularySize', 'maxPositions'] as const;
const RATES = ['dropout', 'attentionDropout', 'embeddingDropout', 'classifierDropout'] as const;

/** The first thing that makes an architecture impossible, or undefined. */
export function architectureProblem(a: Architecture): Complaint | undefined {
  for (const size of SIZES) {
    if (!Number.isSafeInteger(a[size]) || a[size] < 1) {
      return complaint('model-size-impossible', { size, value: a[size] });
    }
  }
  for (const rate of RATES) {
    if (!(a[rate] >= 0 && a[rate] < 1)) {
      return complaint('model-rate-impossible', { rate, value: a[rate] });
    }
  }
  if (a.headSize === undefined && a.hiddenSize % a.heads !== 0) {
    const { heads, hiddenSize } = a;
    return complaint('model-heads-do-not-divide-width', { heads, hiddenSize });
  }
  const { classNames } = layoutOf(a.family);
  if (!classNames[a.head]) {
    const { family, head } = a;
    return complaint('model-family-without-head', { family, head, heads: Object.keys(classNames) });
  }
  if (predictsLabels(a.head) && !a.labels?.length) {
    return complaint('model-without-classes', {});
  }
  return layoutOf(a.family).problem(a);
}

const PROBLEM_TYPES: Record<string, ProblemType> = {
  single_label_classification: 'single-label',
  multi_label_classification: 'multi-label',
  regression: 'regression',
};

/** As a config.json names it; undefined for a name that is none. */
export const problemTypeNamed = (name: string | undefined): ProblemType | undefined =>
  name !== undefined && Object.hasOwn(PROBLEM_TYPES, name) ? PROBLEM_TYPES[name] : undefined;

/** What a pretrained model is to predict from now on. */
export interface NewHead {
  head: Head;
  /** Of a classifier. */
  labels?: readonly string[] | undefined;
  problemType?: ProblemType | undefined;
}

/**
 * The architecture that a config.json of transformers 4 or 5 describes; what it leaves out has transformers' default.
 * @param file the path to name in problems
 * @param wanted the head that it gets in place of its own, of which nothing is read then
 * @throws InputError for an unknown family or head, and for sizes that cannot be
 */
export function architectureFromConfig(config: unknown, file: string, wanted?: NewHead): Architecture {
  const reader = new ConfigReader(config, file);
  const family = readFamily(reader);
  const layout = layoutOf(family);
  const head = wanted?.head ?? readHead(reader, family);
  const architecture: Architecture = {
    family,
    head,
    ...layout.fromConfig(reader),
    ...labelsOf(head, reader, wanted),
  };
  const problem = architectureProblem(architecture);
  if (problem) throw InputError.of(problem, { file, line: 1, column: 1 });
  return architecture;
}

function readFamily(reader: ConfigReader): Family {
  const modelType = reader.text('model_type', '');
  const known = Object.keys(familyLayouts);
  if (known.includes(modelType)) return modelType as Family;
  return reader.fail('model-family-unknown', { family: modelType || undefined, known });
}

function readHead(reader: ConfigReader, family: Family): Head {
  const { headOfClass } = layoutOf(family);
  const classes = reader.texts('architectures');
  const known = classes.find((name) => Object.hasOwn(headOfClass, name));
  if (known !== undefined) return headOfClass[known]!;
  const named = classes.length > 0 ? classes : undefined;
  return reader.fail('model-class-unknown', { classes: named, known: Object.keys(headOfClass) });
}

/** Of a classifier; of each token there is one class, whatever a config says of its problem. */
function labelsOf(
  head: Head,
  reader: ConfigReader,
  wanted: NewHead | undefined,
): Pick<Architecture, 'labels' | 'problemType'> {
  if (head === 'token-classification') return { labels: wanted ? [...(wanted.labels ?? [])] : reader.labels() };
  if (head === 'sentence-embedding') return { problemType: 'embedding' };
  if (head !== 'sequence-classification') return {};
  return wanted ? newLabels(wanted) : readLabels(reader);
}

const newLabels = ({
  labels = [],
  problemType = 'single-label',
}: NewHead): { labels: string[]; problemType: ProblemType } => ({ labels: [...labels], problemType });

function readLabels(reader: ConfigReader): { labels: string[]; problemType: ProblemType } {
  const labels = reader.labels();
  const stored = reader.optionalText('problem_type');
  if (stored === undefined) return { labels, problemType: labels.length === 1 ? 'regression' : 'single-label' };
  const problemType = problemTypeNamed(stored);
  if (problemType) return { labels, problemType };
  return reader.fail('model-problem-type', { value: stored, known: Object.keys(PROBLEM_TYPES) });
}

/** What Python transformers loads as this architecture, in the style of its version 5. */
export function configFromArchitecture(a: Architecture): Record<string, unknown> {
  const layout = layoutOf(a.family);
  return {
    architectures: [layout.classNames[a.head]],
    model_type: a.family,
    ...layout.toConfig(a),
    vocab_size: a.vocabularySize,
    initializer_range: a.initializerRange,
    tie_word_embeddings: a.tieWordEmbeddings,
    // An explicit null: a missing key would mean the default of the class, such as 50256 for GPT-2.
    pad_token_id: a.padId ?? null,
    bos_token_id: a.bosId ?? null,
    eos_token_id: a.eosId ?? null,
    dtype: 'float32',
    ...labelConfig(a),
  };
}

function labelConfig(a: Architecture): Record<string, unknown> {
  if (!a.labels) return {};
  const problemType = Object.keys(PROBLEM_TYPES).find((name) => PROBLEM_TYPES[name] === a.problemType);
  return {
    id2label: Object.fromEntries(a.labels.map((label, index) => [String(index), label])),
    label2id: Object.fromEntries(a.labels.map((label, index) => [label, index])),
    ...(problemType ? { problem_type: problemType } : {}),
  };
}

/** Every parameter's shape under its Hugging Face name, in the order of the forward pass; tied weights once. */
export function parameterShapes(a: Architecture): Record<string, number[]> {
  const entries = Object.entries(layoutOf(a.family).axes(a));
  return Object.fromEntries(entries.map(([name, axes]) => [name, axes.map((axis) => sizeOfAxis(a, axis))]));
}

/** Whether each head adds a learned number to its scores by distance, the same in all blocks. */
export const hasRelativeBias = (a: Architecture): boolean =>
  Object.values(layoutOf(a.family).axes(a)).some((axes) => axes.includes('heads'));

/** How many there are along an axis of a parameter. */
export function sizeOfAxis(a: Architecture, axis: Axis): number {
  return typeof axis === 'string' ? unitsOf(a, axis) : axis.reduce((sum, units) => sum + unitsOf(a, units), 0);
}

function unitsOf(a: Architecture, units: Units): number {
  switch (units) {
    case 'width':
    case 'pooled':
      return a.hiddenSize;
    case 'embedding':
      return embeddingWidth(a);
    case 'queries':
      return a.heads * headSizeOf(a);
    case 'keys':
      return keyValueHeadsOf(a) * headSizeOf(a);
    case 'heads':
      return a.heads;
    case 'headSize':
      return headSizeOf(a);
    case 'inner':
      return a.intermediateSize;
    case 'vocabulary':
      return a.vocabularySize;
    case 'positions':
      return a.maxPositions + (layoutOf(a.family).firstPosition?.(a) ?? 0);
    case 'buckets':
      return RELATIVE_BUCKETS;
    case 'types':
      return a.typeVocabularySize;
    case 'sentence':
      return sentenceWidth(a);
    case 'classes':
      return a.labels?.length ?? 0;
  }
}

/** Names of the parameters outside the backbone, or that a model of this family with another head has not. */
export function headParameters(a: Architecture): Set<string> {
  const { classNames, basePrefix } = layoutOf(a.family);
  const others = (Object.keys(classNames) as Head[]).filter((head) => head !== a.head);
  const ofOthers = others.map((head) => parameterShapes({ ...a, head, labels: a.labels ?? ['0', '1'] }));
  const isOfHead = (name: string): boolean =>
    !name.startsWith(basePrefix) || ofOthers.some((shapes) => !(name in shapes));
  return new Set(Object.keys(parameterShapes(a)).filter(isOfHead));
}

/** Number of trained values; tied weights count once. */
export function parameterCount(a: Architecture): number {
  return Object.values(parameterShapes(a)).reduce((sum, shape) => sum + sizeOf(shape), 0);
}
