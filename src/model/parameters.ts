/** @file Initial weights: random as transformers makes them, or taken from a teacher's layers. */

import { sizeOf } from '../engine/array';
import { randomStream } from '../engine/random';
import { complaint, ComplaintError, type Complaint } from '../protocol/problem';
import { type Architecture, embeddingWidth, headSizeOf, keyValueHeadsOf } from './architecture';
import { parameterShapes } from './layouts/config';
import { layoutOf } from './layouts/families';
import type { FamilyLayout } from './layouts/layout';

/** Values of each parameter under its Hugging Face name, in its shape of `parameterShapes`. */
export type Parameters = Record<string, Float32Array>;

/** An architecture and weights for it. */
export interface Model {
  architecture: Architecture;
  parameters: Parameters;
}

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
const widthsOf = (a: Architecture): Record<string, number> => ({
  hiddenSize: a.hiddenSize,
  embeddingSize: embeddingWidth(a),
  heads: a.heads,
  keyValueHeads: keyValueHeadsOf(a),
  headSize: headSizeOf(a),
  intermediateSize: a.intermediateSize,
  vocabularySize: a.vocabularySize,
  typeVocabularySize: a.typeVocabularySize,
});

/**
 * A model that starts from layers of another, with what those weights were made for beside its own sizes: positions, token types,
 * norms, activation, the padded vocabulary, whether the head is tied. One of another family stays as it is: it cannot start so.
 * @param layers of `source`, from 0, for each layer of `a`
 */
export function withSettingsOf(source: Architecture, a: Architecture, layers: readonly number[]): Architecture {
  if (source.family !== a.family) return a;
  const { keyValueHeads = source.keyValueHeads } = a;
  const { embeddingSize, padId = a.padId, poolsMean } = source;
  const {
    headSize,
    rotary,
    rotaryLayers,
    slidingWindow,
    slidingLayers,
    slidingRotary,
    queryScalar,
    scoreCap,
    logitCap,
  } = source;
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
    ...(rotary && { rotary }),
    ...(slidingRotary && { slidingRotary }),
    ...(queryScalar !== undefined && { queryScalar }),
    ...(scoreCap !== undefined && { scoreCap }),
    ...(logitCap !== undefined && { logitCap }),
    ...(rotaryLayers && { rotaryLayers: chosen(rotaryLayers) }),
    ...(slidingWindow !== undefined && slidingLayers && { slidingWindow, slidingLayers: chosen(slidingLayers) }),
  };
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
  const [own, wanted] = [widthsOf(student), widthsOf(teacher)];
  const different = Object.keys(own).find((width) => own[width] !== wanted[width]);
  if (different !== undefined) {
    const sizes = { student: own[different]!, teacher: wanted[different]! };
    return complaint('start-of-another-width', { width: different, ...sizes });
  }
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

/**
 * A student that starts from chosen layers of its teacher, with the teacher's embeddings, final norm and, where the heads
 * are alike, head. What the teacher has not starts from random values of `seed`.
 * @param layers the teacher's layer, from 0, for each layer of the student
 * @throws ComplaintError where `initializationProblem` finds one
 */
export function initializeFromLayers(
  student: Architecture,
  teacher: Architecture,
  teacherParameters: Parameters,
  layers: readonly number[],
  seed: number,
): Parameters {
  const problem = initializationProblem(student, teacher, layers);
  if (problem) throw new ComplaintError(problem);
  const layout = layoutOf(student.family);
  const teacherShapes = parameterShapes(teacher);
  const parameters = initializeParameters(student, seed);
  for (const [name, shape] of Object.entries(parameterShapes(student))) {
    const source = teacherName(layout, name, layers);
    if (source === layout.positionEmbeddings) {
      // Positions are rows of a table, so a student with fewer takes the first of them.
      const startOf = (a: Architecture): number => (layout.firstPosition?.(a) ?? 0) * shape[1]!;
      const start = startOf(teacher);
      const rows = teacherParameters[source]!.subarray(start, start + student.maxPositions * shape[1]!);
      parameters[name]!.set(rows, startOf(student));
    } else if (teacherShapes[source]?.join() === shape.join()) {
      parameters[name] = teacherParameters[source]!.slice();
    }
  }
  return parameters;
}

/** The teacher's name for what the student calls `name`: the same, but for the number of the layer. */
function teacherName(layout: FamilyLayout, name: string, layers: readonly number[]): string {
  const index = layers.findIndex((_, studentLayer) => name.startsWith(layout.layerPrefix(studentLayer)));
  if (index < 0) return name;
  return layout.layerPrefix(layers[index]!) + name.slice(layout.layerPrefix(index).length);
}
