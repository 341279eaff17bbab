/** @file Opens the engine that an experiment asks for, or says at its place in the file why not. */

import { EngineUnavailable, type Executor } from '../../engine/executor';
import { openExecutor } from '../../engine/engines';
import type { TrainingSpec } from '../../experiment/file/blocks/training';
import type { Experiment } from '../../experiment/file/schema';
import type { Source } from '../../experiment/file/source';
import {
  engineFacts,
  engineOfMoments,
  engineOfTeacherPrecision,
  type DeviceKind,
  type EngineName,
} from '../../protocol/engines';
import { formatMilliseconds } from '../../protocol/format';
import { complaint, ComplaintError, InputError, type Complaint } from '../../protocol/problem';
import { torchrunEngine } from '../../protocol/torchrun';
import { HostsLack, openTorchrun, type Torchrun } from '../torchrun/torchrun';
import { requireTeacherPrecision } from '../run/teacher-precision';
import { hindranceOf } from './candidates';
import { chooseEngine, measureAnew, type Choice } from './choose-engine';
import type { Told } from './offer';

export interface OpenEngine {
  executor: Executor;
  /** What the run has to wait for. */
  device: DeviceKind;
  /** Why this engine; absent where the experiment names it. */
  reason?: string;
  /** "auto" has taken it for want of a comparison, which is to be made when the run is done. */
  isExpected?: true;
  /** Where trainings are Python's; the executor does all else. */
  torchrun?: Torchrun;
}

export interface EngineRequest
  extends
    Pick<Experiment, 'engine' | 'precision' | 'threads' | 'torchrun'>,
    Partial<Pick<Experiment, 'task' | 'distillation'>> {
  /** With "auto": what an earlier part of the run was computed with, so that it ends at the same weights. */
  before?: EngineName | undefined;
  teacher?:
    (Pick<Experiment['teacher'], 'precision'> & { training?: Pick<TrainingSpec, 'moments'> | undefined }) | undefined;
  training?: Pick<TrainingSpec, 'moments'> | undefined;
  /** The host that the person names for what is trained over ssh. */
  on?: string | undefined;
}

/** Throws an InputError placed in the experiment where the engine that it names, or its precision, cannot be had. */
export async function openEngine(wish: EngineRequest, source: Source, told: Told): Promise<OpenEngine> {
  const opened = await openWished(wish, source, told);
  if (wish.teacher) requireTeacherPrecision(opened.executor, wish.teacher, source);
  requireMoments(opened, wish, source);
  if (wish.precision === 'bfloat16' && !opened.torchrun) await warnOfSlowBfloat16(told);
  return opened;
}

/** The trainings whose moments are to be kept in fewer bits, by their places in the file. */
const narrowMoments = ({ training, teacher }: EngineRequest): string[][] => [
  ...(training?.moments === 'bfloat16' ? [['training', 'moments']] : []),
  ...(teacher?.training?.moments === 'bfloat16' ? [['teacher', 'training', 'moments']] : []),
];

/** Throws an InputError at the setting where the engine does not keep moments so. */
function requireMoments({ executor, torchrun }: OpenEngine, wish: EngineRequest, source: Source): void {
  const [place] = narrowMoments(wish);
  if (!place || (executor.placeRounded && !torchrun)) return;
  const engine = torchrun ? torchrunEngine : executor.engine;
  const what = complaint('moments-of-engine', { engine, moments: 'bfloat16', able: engineOfMoments.bfloat16 });
  throw new InputError([source.problem(source.placeOf(place), what)]);
}

/** A processor may name bfloat16 among its instructions and be slower with it. */
async function warnOfSlowBfloat16(told: Told): Promise<void> {
  const { bfloat16Pays, timePrecisions } = await import('../../engine/openvino/precision-times');
  const { float32, bfloat16 } = await timePrecisions();
  if (bfloat16Pays({ float32, bfloat16 })) return;
  const times = `${formatMilliseconds(bfloat16)} where float32 takes ${formatMilliseconds(float32)}`;
  told.note(
    `warning: bfloat16 hardly pays on this processor: a product takes ${times}. "precision": "float32" is as fast`,
  );
}

async function openWished(wish: EngineRequest, source: Source, told: Told): Promise<OpenEngine> {
  const { engine, precision } = wish;
  if (engine === torchrunEngine) return openForTorchrun(wish, source);
  if (engine !== 'auto') return openNamed(engine, wish, source);
  if (wish.before !== undefined) {
    try {
      return { ...(await open(wish.before, wish)), reason: `auto stays with ${wish.before}, which the run began with` };
    } catch (error) {
      told.note(
        `${wish.before}, which the run began with, cannot be opened any more (${messageOf(error)}): choosing anew`,
      );
    }
  }
  const { precision: teacherPrecision = 'float32' } = wish.teacher ?? {};
  if (teacherPrecision !== 'float32' && precision === 'float32') {
    const alone = engineOfTeacherPrecision[teacherPrecision];
    const reason = `auto took ${alone}, which alone asks a teacher in ${teacherPrecision}`;
    return { ...(await openNamed(alone, wish, source)), reason };
  }
  if (narrowMoments(wish).length > 0) {
    const alone = engineOfMoments.bfloat16;
    const reason = `auto took ${alone}, which alone keeps moments in bfloat16`;
    return { ...(await openNamed(alone, wish, source)), reason };
  }
  const choice = await choose(wish, told);
  if (choice) {
    try {
      return await openChoice(choice, wish, told);
    } catch (error) {
      told.note(`auto's choice, ${choice.engine}, cannot be opened: ${messageOf(error)}`);
    }
  }
  if (precision === 'float32') return { ...(await open('cpu', wish)), reason: 'auto fell back to cpu' };
  throw problem(source, 'precision', complaint('precision-of-no-engine', { precision }));
}

/** For asking a model something: "auto" is what is quickest to open. Throws an InputError. */
export async function openForAnswers(engine: EngineName | 'auto'): Promise<Executor> {
  try {
    return await openExecutor(engine === 'auto' ? 'cpu' : engine);
  } catch (error) {
    if (error instanceof EngineUnavailable) {
      throw InputError.of(error.complaint, { file: '--engine', line: 1, column: 1 });
    }
    throw error;
  }
}

/** Whatever goes wrong with measuring must not keep a run from starting. */
async function choose({ precision, task, distillation }: EngineRequest, told: Told): Promise<Choice | undefined> {
  const needsSorting = task === 'causal-lm' && distillation?.vocabulary === 'align';
  const isAble = (engine: EngineName): boolean => !needsSorting || !engineFacts[engine].cannotSort;
  try {
    return await chooseEngine(precision, told, undefined, isAble);
  } catch (error) {
    told.note(`engines could not be compared: ${messageOf(error)}`);
    return undefined;
  }
}

async function openChoice(choice: Choice, wish: EngineRequest, told: Told): Promise<OpenEngine> {
  const { engine, reason, timed, isExpected } = choice;
  const opened = { ...(await open(engine, wish)), reason, ...(isExpected && { isExpected }) };
  const measured = timed?.find((one) => one.engine === engine);
  // The number of threads is part of a processor's name.
  const isAsMeasured = wish.threads !== undefined || measured?.device === opened.executor.device;
  if (measured === undefined || isAsMeasured) return opened;
  told.note(`${engine} is now ${opened.executor.device}, and is measured anew`);
  await measureAnew(choice, wish.precision);
  return opened;
}

/** PyTorch trains; what is left, asking models on held-out rows, is the processor's. */
async function openForTorchrun(wish: EngineRequest, source: Source): Promise<OpenEngine> {
  try {
    const torchrun = await openTorchrun(wish, wish.on);
    const { executor } = await open('cpu', { ...wish, precision: 'float32' });
    return { executor, device: torchrun.interpreter.gpus.length > 0 ? 'gpu' : 'cpu', torchrun };
  } catch (error) {
    if (error instanceof HostsLack) {
      const place = source.placeOf(['engine']);
      const [first, ...others] = error.all.map((one) => source.problem(place, one));
      throw new InputError([first!, ...others]);
    }
    if (error instanceof ComplaintError) throw problem(source, 'engine', error.complaint);
    throw error;
  }
}

async function openNamed(engine: EngineName, wish: EngineRequest, source: Source): Promise<OpenEngine> {
  const hindrance = hindranceOf(engine, true);
  if (hindrance) throw problem(source, 'engine', hindrance);
  try {
    return await open(engine, wish);
  } catch (error) {
    if (error instanceof EngineUnavailable) throw problem(source, 'engine', error.complaint);
    throw error;
  }
}

async function open(engine: EngineName, { precision, threads }: EngineRequest): Promise<OpenEngine> {
  return { executor: await openExecutor(engine, { precision, threads }), device: engineFacts[engine].device };
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function problem(source: Source, key: 'engine' | 'precision', what: Complaint): InputError {
  return new InputError([source.problem(source.placeOf([key]), what)]);
}
