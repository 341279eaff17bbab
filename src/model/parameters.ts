/** @file Initial weights: random as transformers makes them, or taken from a teacher's layers. */

import { sizeOf } from '../engine/array';
import { randomStream } from '../engine/random';
import { decodeBfloat16 } from '../protocol/float16';
import { complaint, ComplaintError, type Complaint } from '../protocol/problem';
import {
  type Architecture,
  type Embedding,
  embeddingWidth,
  headSizeOf,
  keyValueHeadsOf,
  sentenceWidth,
} from './architecture';
import { parameterShapes } from './layouts/config';
import { layoutOf } from './layouts/families';
import type { FamilyLayout } from './layouts/layout';
import { isNarrower, type KeptUnits, Pruner } from './pruning';

/** Values of each parameter under its Hugging Face name, in its shape of `parameterShapes`. */
export type Parameters = Record<string, Float32Array>;

/** An architecture and weights for it. */
export interface Model {
  architecture: Architecture;
  parameters: Parameters;
}

/**
 * Values of a parameter of a model that is asked and not trained: float32, or bfloat16's bit patterns, which take half the memory, where they are stored so
 * and the engine computes with them as they are.
 */
export type FrozenValues = Float32Array | Uint16Array;

export type FrozenParameters = Record<string, FrozenValues>;

/** A model that is asked and not trained. */
export interface FrozenModel {
  architecture: Architecture;
  parameters: FrozenParameters;
}

/** The values as float32; a copy where they are not kept so. */
export const floatsOf = (values: FrozenValues): Float32Array =>
  values instanceof Uint16Array ? decodeBfloat16(values) : values;

/**
 * Random weights as transformers initializes the family: matrices normal with mean 0, biases 0, norms 1.
 * Each parameter has its own random stream, by seed and name, so that models of one seed share what they have in common.
 */
export function initializeParameters(a: Architecture, seed: number): Parameters {
  const layout = layoutOf(a.family);
  return Object.fromEntries(
    Object.entries(parameterShapes(a)).map(([name, shape]) => [name, initialValues(a, layout, name, shape, seed)]),
  );
}

function initialValues(
  a: Architecture,
  layout: FamilyLayout,
  name: string,
  shape: readonly number[],
  seed: number,
): Float32Array {
  const values = new Float32Array(sizeOf(shape));
  // The only vectors called weight are norms'.
  if (shape.length === 1) return values.fill(name.endsWith('.weight') ? (layout.initialNorm ?? 1) : 0);
  fillNormal(values, layout.matrixDeviation(a, name), randomStream(seed, hash(name)), layout.truncation);
  const width = shape[1]!;
  // Not of a padding token that also ends texts: its row is read, and zeros have no direction that a norm could scale.
  if (name === layout.paddedEmbeddings && a.padId !== undefined && a.padId !== a.eosId) {
    values.fill(0, a.padId * width, (a.padId + 1) * width);
  }
  if (name === layout.positionEmbeddings && layout.firstPosition) {
    const first = layout.firstPosition(a);
    values.fill(0, (first - 1) * width, first * width);
  }
  return values;
}

/**
 * Normal values with mean 0, two from each two uniform ones (Box and Muller, 1958).
 * @param truncation values beyond so many deviations are drawn again
 */
function fillNormal(values: Float32Array, deviation: number, random: () => number, truncation = Infinity): void {
  for (let i = 0; i < values.length; i += 2) {
    const radius = deviation * Math.sqrt(-2 * Math.log(1 - random())); // 1 − u is never 0
    const angle = 2 * Math.PI * random();
    values[i] = radius * Math.cos(angle);
    if (i + 1 < values.length) values[i + 1] = radius * Math.sin(angle);
  }
  for (let i = 0; i < values.length; i++) {
    while (Math.abs(values[i]!) > truncation * deviation) fillNormal(values.subarray(i, i + 1), deviation, random);
  }
}

/** FNV-1a, 32 bits (Fowler, Noll and Vo). */
function hash(text: string): number {
  let state = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) state = Math.imul(state ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return state;
}

/** Sizes that a model has in common with one that it starts from. */
const commonSizes = (a: Architecture): Record<string, number> => ({
  vocabularySize: a.vocabularySize,
  typeVocabularySize: a.typeVocabularySize,
});

/** Sizes of which it may have less. */
const prunedSizes = (a: Architecture): Record<string, number> => ({
  hiddenSize: a.hiddenSize,
  heads: a.heads,
  keyValueHeads: keyValueHeadsOf(a),
  intermediateSize: a.intermediateSize,
});

/**
 * A model that starts from layers of another, with what those weights were made for beside its own sizes: positions, token types,
 * norms, activation, the padded vocabulary, whether the head is tied. One of another family stays as it is: it cannot start so.
 * @param layers of `source`, from 0, for each layer of `a`
 */
export function withSettingsOf(source: Architecture, a: Architecture, layers: readonly number[]): Architecture {
  if (source.family !== a.family) return a;
  const { keyValueHeads = keyValueHeadsLike(source, a.heads) } = a;
  const { embeddingSize, padId = a.padId, poolsMean, embedding } = source;
  const headSize = headSizeLike(source, a);
  const { rotary, rotaryLayers, slidingWindow, slidingLayers, slidingRotary, queryScalar, scoreCap, logitCap } = source;
  const chosen = (ofLayers: boolean[]): boolean[] => layers.map((layer) => ofLayers[layer] ?? false);
  return {
    ...a,
    activation: source.activation,
    layerNormEpsilon: source.layerNormEpsilon,
    vocabularySize: Math.max(source.vocabularySize, a.vocabularySize),
    typeVocabularySize: source.typeVocabularySize,
    tieWordEmbeddings: source.tieWordEmbeddings,
    ...(embeddingSize !== undefined && { embeddingSize }),
    ...(padId !== undefined && { padId }),
    ...(keyValueHeads !== undefined && { keyValueHeads }),
    ...(headSize !== undefined && { headSize }),
    ...(poolsMean && { poolsMean }),
    ...(a.embedding && embedding && { embedding: embeddingLike(source, a) }),
    ...(rotary && { rotary }),
    ...(slidingRotary && { slidingRotary }),
    ...(queryScalar !== undefined && { queryScalar }),
    ...(scoreCap !== undefined && { scoreCap }),
    ...(logitCap !== undefined && { logitCap }),
    ...(rotaryLayers && { rotaryLayers: chosen(rotaryLayers) }),
    ...(slidingWindow !== undefined && slidingLayers && { slidingWindow, slidingLayers: chosen(slidingLayers) }),
  };
}

/** As the source's embedding is made, whose width a narrower model has by a dense layer. */
function embeddingLike(source: Architecture, a: Architecture): Embedding {
  const { maxTokens } = a.embedding!;
  return {
    ...embeddingFor(source.embedding!, a, sentenceWidth(source)),
    ...(maxTokens !== undefined && { maxTokens }),
  };
}

/**
 * An embedding that is compared with others of a width: as it is, with a dense layer where it has one of another width, or none and its tokens are not as wide.
 */
export function embeddingFor(
  { dense, ...embedding }: Embedding,
  { hiddenSize }: Pick<Architecture, 'hiddenSize'>,
  width: number,
): Embedding {
  if (dense?.width === width) return { ...embedding, dense };
  if (!dense && hiddenSize === width) return embedding;
  return { ...embedding, dense: { width, activation: 'identity', hasBias: true } };
}

/**
 * Heads of keys and values for so many of queries of a source: the fewest, each shared by no more queries than there. Undefined where they
 * are not shared.
 */
export function keyValueHeadsLike(source: Architecture, heads: number): number | undefined {
  const { keyValueHeads: most } = source;
  if (most === undefined) return undefined;
  const shared = source.heads / most;
  const fitting = Array.from({ length: most }, (_, i) => i + 1).find(
    (count) => heads % count === 0 && heads / count <= shared,
  );
  return fitting ?? most;
}

/** Heads are taken whole: fewer are no narrower ones. Only some configs can say a width of a head that is not hiddenSize / heads. */
function headSizeLike(source: Architecture, { family, hiddenSize, heads }: Architecture): number | undefined {
  const size = headSizeOf(source);
  return layoutOf(family).namesHeadSize && size !== hiddenSize / heads ? size : undefined;
}

/**
 * Why a student cannot start from these layers of a teacher, or undefined if it can.
 * @param layers the teacher's layer, from 0, for each layer of the student
 */
export function initializationProblem(
  student: Architecture,
  teacher: Architecture,
  layers: readonly number[],
): Complaint | undefined {
  if (student.family !== teacher.family) {
    return complaint('start-of-another-family', { student: student.family, teacher: teacher.family });
  }
  const problem = widthProblem(student, teacher);
  if (problem) return problem;
  if (student.maxPositions > teacher.maxPositions) {
    return complaint('start-with-more-positions', { student: student.maxPositions, teacher: teacher.maxPositions });
  }
  if (layers.length !== student.layers) {
    return complaint('start-of-other-depth', { chosen: layers.length, layers: student.layers });
  }
  const outside = layers.find((layer) => !Number.isInteger(layer) || layer < 0 || layer >= teacher.layers);
  if (outside !== undefined) {
    return complaint('start-layer-out-of-range', { layer: outside, last: teacher.layers - 1 });
  }
  return undefined;
}

/** Narrower it may be, by whole heads, units and dimensions. */
function widthProblem(student: Architecture, teacher: Architecture): Complaint | undefined {
  const differing = (
    sizes: (a: Architecture) => Record<string, number>,
    isWrong: (own: number, its: number) => boolean,
  ) => Object.keys(sizes(student)).find((size) => isWrong(sizes(student)[size]!, sizes(teacher)[size]!));
  const wider = differing(prunedSizes, (own, its) => own > its);
  if (wider !== undefined) {
    const sizes = { student: prunedSizes(student)[wider]!, teacher: prunedSizes(teacher)[wider]! };
    return complaint('start-wider-than-teacher', { width: wider, ...sizes });
  }
  const { hiddenSize, heads, family } = student;
  const size = headSizeOf(teacher);
  if (headSizeOf(student) !== size) {
    return complaint('start-of-other-head-size', { family, hiddenSize, heads, size, fitting: heads * size });
  }
  // Embeddings of another width are projected to that of the hidden states only where the two differ.
  const isProjected = (a: Architecture): boolean => embeddingWidth(a) !== a.hiddenSize;
  const embeddings = { student: embeddingWidth(student), teacher: embeddingWidth(teacher) };
  if (
    isProjected(teacher) ? !isProjected(student) || embeddings.student !== embeddings.teacher : isProjected(student)
  ) {
    return complaint('start-of-another-width', { width: 'embeddingSize', ...embeddings });
  }
  const another = differing(commonSizes, (own, its) => own !== its);
  if (another !== undefined) {
    const sizes = { student: commonSizes(student)[another]!, teacher: commonSizes(teacher)[another]! };
    return complaint('start-of-another-width', { width: another, ...sizes });
  }
  const shared = { student: heads / keyValueHeadsOf(student), teacher: teacher.heads / keyValueHeadsOf(teacher) };
  if (!Number.isInteger(shared.student) || shared.student > shared.teacher) {
    return complaint('start-with-more-queries-shared', {
      ...shared,
      keyValueHeads: Math.ceil(heads / shared.teacher),
    });
  }
  return undefined;
}

/** A block of the teacher for each of the student's, from the first to the last at even distances. */
export function spreadLayers(teacherLayers: number, studentLayers: number): number[] {
  if (studentLayers === 1) return [0];
  const step = (teacherLayers - 1) / (studentLayers - 1);
  return Array.from({ length: studentLayers }, (_, layer) => Math.round(layer * step));
}

/**
 * A student that starts from chosen layers of its teacher, with the teacher's embeddings, final norm and, where the heads
 * are alike, head; of a wider teacher with those of its units that are kept. What the teacher has not starts from random values of `seed`.
 * @param layers the teacher's layer, from 0, for each layer of the student
 * @param kept of a teacher that is wider
 * @throws ComplaintError where `initializationProblem` finds one
 */
export function initializeFromLayers(
  student: Architecture,
  teacher: Architecture,
  teacherParameters: FrozenParameters,
  layers: readonly number[],
  seed: number,
  kept?: KeptUnits,
): Parameters {
  const problem = initializationProblem(student, teacher, layers);
  if (problem) throw new ComplaintError(problem);
  if (!kept && isNarrower(student, teacher)) throw new Error('which units a narrower student keeps has to be said');
  const layout = layoutOf(student.family);
  const pruner = new Pruner(student, teacher, kept);
  const parameters = initializeParameters(student, seed);
  for (const [name, own] of Object.entries(parameters)) {
    const layer = layers.findIndex((_, index) => name.startsWith(layout.layerPrefix(index)));
    const source = layer < 0 ? name : layout.layerPrefix(layers[layer]!) + name.slice(layout.layerPrefix(layer).length);
    const values = teacherParameters[source];
    if (values) pruner.take(source, layer < 0 ? undefined : layer, floatsOf(values), own);
  }
  return parameters;
}
