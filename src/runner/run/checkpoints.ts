/** @file What a training keeps on disk: where it is, its best model so far, the model that comes out. */

import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import {
  findCompleteDirectory,
  readDirectoryAtomically,
  saveDirectoryAtomically,
} from '../../run-directory/atomic-directory';
import { findDamage, writeManifest } from '../../run-directory/manifest';
import { removeOwned } from '../../run-directory/owned';
import type { TrainingPaths } from '../../run-directory/run-paths';
import type { TrainerState } from '../../distill/training/trainer';
import { mapValues, prefixed, withPrefix } from '../../distill/named';
import type { TensorSpec } from '../../engine/array';
import type { Architecture } from '../../model/architecture';
import { naming } from '../../model/files/atomic';
import { loadCheckpoint, saveCheckpoint } from '../../model/files/checkpoint';
import type { FrozenParameters, FrozenValues, Parameters } from '../../model/parameters';
import { readSafetensors, toFloat32, writeSafetensors, type StoredTensor } from '../../model/files/safetensors';
import { InputError } from '../../protocol/problem';
import type { Metrics } from '../../protocol/records';
import type { Tokenizer } from '../../tokenizer/tokenizer';

const OPTIMIZER = 'optimizer.safetensors';
const POSITION = 'trainer.json';

/** The best evaluation on validation so far. */
interface Best {
  step: number;
  metrics: Metrics;
}

export interface TrainingCheckpoint {
  state: TrainerState;
  best?: Best | undefined;
  /** Evaluations since the best one. */
  waited: number;
}

/** Everything needed to go on, in one folder: a model that can be inspected, the optimizer's moments, the position. */
export async function saveTraining(
  paths: TrainingPaths,
  architecture: Architecture,
  specs: Readonly<Record<string, TensorSpec>>,
  { state, best, waited }: TrainingCheckpoint,
): Promise<void> {
  const write = async (directory: string): Promise<void> => {
    await saveCheckpoint(directory, architecture, state.parameters);
    const tensorsOf = (values: FrozenParameters) =>
      mapValues(specs, ({ shape }, name) => ({ shape, data: values[name]!, bits: 'BF16' as const }));
    const projections = Object.keys(specs).filter((name) => name.startsWith('projection.'));
    await writeSafetensors(path.join(directory, OPTIMIZER), {
      ...prefixed('first.', tensorsOf(state.firstMoments)),
      ...prefixed('second.', tensorsOf(state.secondMoments)),
      ...Object.fromEntries(projections.map((name) => [name, tensorsOf(state.parameters)[name]!])),
    });
    const { step, tokens, rateScale } = state;
    const position: Position = { step, tokens, rateScale: rateScale !== 1 ? rateScale : undefined, best, waited };
    const file = path.join(directory, POSITION);
    await naming(file, writeFile(file, `${JSON.stringify(position)}\n`));
    await writeManifest(directory);
  };
  await saveDirectoryAtomically(paths.lastCheckpoint, write, paths.previousCheckpoint);
}

/**
 * The state to go on from: of the last checkpoint or, where that is damaged, of the one before, which `note` is told of. Undefined where
 * nothing was saved.
 * @throws InputError where neither is whole
 */
export async function loadTraining(
  paths: TrainingPaths,
  note: (line: string) => Promise<void>,
): Promise<TrainingCheckpoint | undefined> {
  const damaged: string[] = [];
  for (const folder of [paths.lastCheckpoint, paths.previousCheckpoint]) {
    const found = await readDirectoryAtomically(folder, async (directory) => {
      const damage = await findDamage(directory);
      return damage === undefined ? { checkpoint: await readTraining(directory) } : { damage };
    });
    if (found?.damage !== undefined) damaged.push(path.join(folder, found.damage));
    if (!found?.checkpoint) continue;
    if (damaged.length > 0) {
      const { step } = found.checkpoint.state;
      // In its place it would be the next to be kept, over this one.
      await removeOwned(paths.lastCheckpoint);
      await note(`${damaged[0]!} is damaged: going on from the checkpoint before, of step ${step}`);
    }
    return found.checkpoint;
  }
  if (damaged.length === 0) return undefined;
  throw InputError.at(damaged[0]!, 'checkpoint-damaged', {});
}

async function readTraining(directory: string): Promise<TrainingCheckpoint> {
  const { parameters } = await loadCheckpoint(directory);
  const optimizer = mapValues(await readSafetensors(path.join(directory, OPTIMIZER)), asKept);
  const position = JSON.parse(await readFile(path.join(directory, POSITION), 'utf8')) as Position;
  const projections = prefixed('projection.', withPrefix('projection.', optimizer)) as Parameters;
  return {
    state: {
      step: position.step,
      tokens: position.tokens,
      rateScale: position.rateScale ?? 1,
      parameters: { ...parameters, ...projections },
      firstMoments: withPrefix('first.', optimizer),
      secondMoments: withPrefix('second.', optimizer),
    },
    best: position.best,
    waited: position.waited ?? 0,
  };
}

/** Moments that were kept as bfloat16 are stored so. */
const asKept = (tensor: StoredTensor): FrozenValues =>
  tensor.dtype === 'BF16' ? (tensor.data as Uint16Array) : toFloat32(tensor)!;

interface Position {
  step: number;
  tokens: number;
  /** Absent where the learning rate was not lowered. */
  rateScale?: number | undefined;
  best?: Best | undefined;
  /** Absent in checkpoints of earlier versions, which knew no patience. */
  waited?: number;
}

export async function saveBest(
  paths: TrainingPaths,
  architecture: Architecture,
  parameters: Parameters,
): Promise<void> {
  await saveDirectoryAtomically(paths.bestCheckpoint, async (directory) => {
    await saveCheckpoint(directory, architecture, parameters);
    await writeManifest(directory);
  });
}

/**
 * The finished model, a Hugging Face folder: the best checkpoint, its tokenizer, a model card.
 * @throws InputError where that checkpoint is damaged
 */
export async function exportModel(paths: TrainingPaths, tokenizer: Tokenizer, card: string): Promise<void> {
  const best = await readDirectoryAtomically(paths.bestCheckpoint, async (directory) => {
    const damage = await findDamage(directory);
    if (damage !== undefined) throw InputError.at(path.join(paths.bestCheckpoint, damage), 'checkpoint-damaged', {});
    return loadCheckpoint(directory);
  });
  if (!best) throw new Error(`${paths.bestCheckpoint} holds no model to export`);
  await saveDirectoryAtomically(paths.model, async (directory) => {
    await saveCheckpoint(directory, best.architecture, best.parameters);
    await tokenizer.save(directory, best.architecture.maxPositions);
    const readme = path.join(directory, 'README.md');
    await naming(readme, writeFile(readme, card));
  });
}

export async function isExported(paths: TrainingPaths): Promise<boolean> {
  return (await findCompleteDirectory(paths.model)) !== undefined;
}

/** Whether it has been trained, in part at least. */
export const isBegun = async (paths: TrainingPaths): Promise<boolean> =>
  (await isExported(paths)) || (await findCompleteDirectory(paths.lastCheckpoint)) !== undefined;
