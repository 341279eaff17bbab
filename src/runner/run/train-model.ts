/** @file Trains one model of a run to its end, or until asked to stop: steps, evaluations, probes, checkpoints. */

import { collectCopies } from '../../engine/freed-memory';
import type { Evaluator } from '../../distill/evaluation/evaluator';
import { StoppedAsking } from '../../distill/teacher/cache';
import { NotFinite, requireFiniteTensor } from '../../distill/not-finite';
import { placeParameters } from '../../distill/teacher/teacher';
import { trainedSpecs } from '../../distill/specs';
import type { Pairing } from '../../distill/pairing';
import type { DeviceTensor, Executor } from '../../engine/executor';
import type { Parameters } from '../../model/parameters';
import type { Prober, ProbedLogits } from '../../distill/evaluation/prober';
import type { Trainer } from '../../distill/training/trainer';
import { openRecords, readRecords, type RecordsFound } from '../../run-directory/record-file';
import type { TrainingPaths } from '../../run-directory/run-paths';
import type { TrainingSpec } from '../../experiment/file/blocks/training';
import { isBetterEvaluation } from '../../protocol/quality';
import type { Role, RunProgress, Split } from '../../protocol/records';
import type { Complaint } from '../../protocol/problem';
import { isEvaluatedAfter, TrainingWatch } from '../alerts/training-watch';
import { formatCount } from '../../protocol/format';
import { loadTraining, saveBest, saveTraining, type TrainingCheckpoint } from './checkpoints';
import type { RunControl } from './run-control';
import type { RunRecorder } from './run-recorder';

export interface ModelTraining {
  role: Role;
  /** As the comparison names the model. */
  name: string;
  /** Of several. */
  seed?: number | undefined;
  pairing: Pairing;
  trainer: Trainer;
  executor: Executor;
  /** The weights that it begins with, where their evaluation may wait for the first step: they are held until then. */
  initial: { parameters?: Parameters | undefined };
  /** On the validation split. */
  evaluator: Evaluator;
  /** Asked before each evaluation; at the first it is made. */
  probes: () => Promise<Probes | undefined>;
  paths: TrainingPaths;
  /** Path of the file that a person would change. */
  experimentFile: string;
  spec: TrainingSpec;
  /** What share of the whole run is done when this training is at a step. */
  progress: (step: number) => Pick<RunProgress, 'fraction' | 'secondsLeft' | 'seed'>;
}

/** Pinned examples. */
export interface Probes {
  prober: Prober;
  write: (step: number, logits: ProbedLogits[]) => Promise<void>;
}

/** What is evaluated. */
interface Evaluable {
  step: number;
  trained: Readonly<Record<string, DeviceTensor>>;
  parameters: () => Promise<Parameters>;
}

const VALIDATION: Split = 'validation';

/** How often the learning rate is halved before a training is given up. */
const MOST_HALVINGS = 8;

/**
 * Returns whether the training was finished; a stopped one has its checkpoint on disk. One that diverges goes on from its last
 * checkpoint with half the learning rate, where it is to. What is lowered is part of the checkpoint, so that a run that is
 * killed meanwhile goes on alike.
 */
export async function trainModel(
  training: ModelTraining,
  recorder: RunRecorder,
  control: RunControl,
): Promise<boolean> {
  for (;;) {
    try {
      return await goOn(training, recorder, control);
    } catch (error) {
      if (training.spec.onDivergence !== 'lower-rate' || !(error instanceof NotFinite)) throw error;
      if (!(await lowerRate(training, error, recorder))) throw error;
    }
  }
}

/** Whether the rate could be halved once more. */
async function lowerRate(
  { paths, pairing, role }: ModelTraining,
  error: NotFinite,
  recorder: RunRecorder,
): Promise<boolean> {
  // No rate of the student's mends its teacher.
  if (error.tensor.startsWith("the teacher's")) return false;
  const last = await loadTraining(paths, (line) => recorder.note(line));
  if (!last) return false;
  const state = { ...last.state, rateScale: last.state.rateScale / 2 };
  if (state.rateScale < 2 ** -MOST_HALVINGS) return false;
  await saveTraining(paths, pairing.student, trainedSpecs(pairing), { ...last, state });
  const share = `1/${formatCount(1 / state.rateScale)}`;
  await recorder.note(
    `${error.message} The ${role} goes on from step ${formatCount(state.step)} with ${share} of the learning rate.`,
    'warning',
  );
  return true;
}

/** Puts the trainer where the last checkpoint is. Of that nothing is held: weights and moments would lie in memory twice for the whole training. */
async function restore(
  { trainer, paths }: ModelTraining,
  recorder: RunRecorder,
): Promise<Pick<TrainingCheckpoint, 'best' | 'waited'> | undefined> {
  const found = await loadTraining(paths, (line) => recorder.note(line));
  if (!found) return undefined;
  const { state, best, waited } = found;
  trainer.restore(state);
  return { best, waited };
}

async function goOn(training: ModelTraining, recorder: RunRecorder, control: RunControl): Promise<boolean> {
  const { trainer, paths, role, spec, pairing, experimentFile } = training;
  const architecture = pairing.student;
  const specs = trainedSpecs(pairing);
  const resumed = await restore(training, recorder);
  if (resumed) collectCopies(); // The state has been copied.
  let best = resumed?.best;
  /** Evaluations since the best one. */
  let waited = resumed?.waited ?? 0;
  /** Then checkpoints are made at steps that no stop decides: what it goes back to must not depend on one. */
  const lowers = spec.onDivergence === 'lower-rate';
  const start = trainer.position;
  // What was recorded after the checkpoint is done, and recorded, again.
  const metrics = await openRecords(paths, 'metrics', start - 1);
  const evaluations = await openRecords(paths, 'evaluations', resumed ? start : -1);
  for (const line of [recordsText(paths.metrics, metrics.found), recordsText(paths.evaluations, evaluations.found)]) {
    if (line !== undefined) await recorder.note(line, 'warning');
  }

  const watch = new TrainingWatch({
    role,
    steps: trainer.steps,
    setting: role === 'teacher' ? 'teacher.training' : 'training',
    epochs: spec.epochs,
    patience: spec.patience,
  });
  if (resumed) {
    for (const record of await readRecords(paths, 'metrics')) watch.step(record);
    for (const record of await readRecords(paths, 'evaluations')) watch.evaluated(record);
  }
  const alert = async (found: readonly Complaint[], step = trainer.position): Promise<void> => {
    for (const one of found) await recorder.alert({ ...one, step, role, name: training.name, seed: training.seed });
  };
  const patienceIsOver = (): boolean => spec.patience !== undefined && waited >= spec.patience;
  const isOver = (): boolean => trainer.position === trainer.steps || patienceIsOver();

  const progress = (phase: RunProgress['phase']): RunProgress => {
    const step = trainer.position;
    return { role, phase, step, steps: trainer.steps, ...training.progress(step) };
  };
  const save = async (): Promise<void> => {
    const state = await trainer.currentState();
    // A checkpoint that holds no numbers could only fail again.
    for (const [name, data] of Object.entries(state.parameters)) requireFiniteTensor(`parameter ${name}`, data);
    // Who goes on from it does not write them again.
    metrics.sync();
    evaluations.sync();
    await saveTraining(paths, architecture, specs, { state, best, waited });
  };
  const current = (): Evaluable => {
    return { step: trainer.position, trained: trainer.trained, parameters: () => trainer.currentParameters() };
  };
  const evaluate = async ({ step, trained, parameters } = current()): Promise<void> => {
    recorder.progress(progress('evaluating'));
    const probes = await training.probes();
    const measured = await training.evaluator
      .evaluate(trained, { prober: probes?.prober })
      .catch(atStep(step, experimentFile));
    evaluations.append({ step, split: VALIDATION, role, metrics: measured });
    recorder.evaluated(role, step, measured);
    if (probes) {
      await probes.write(step, await probes.prober.probe(trained).catch(atStep(step, experimentFile)));
    }
    await alert(watch.evaluated({ step, metrics: measured }), step);
    waited++;
    if (!best || isBetterEvaluation(measured, best.metrics)) {
      best = { step, metrics: measured };
      waited = 0;
      await saveBest(paths, architecture, await parameters());
      // Else it could go back behind its best model.
      if (lowers) await save();
    }
  };

  const { initial } = training;
  if (resumed) initial.parameters = undefined;
  const evaluateInitial = async (): Promise<void> => {
    const { parameters } = initial;
    if (!parameters) return;
    const trained = placeParameters(training.executor, specs, parameters);
    try {
      await evaluate({ step: 0, trained, parameters: () => Promise.resolve(parameters) });
    } finally {
      for (const tensor of Object.values(trained)) tensor.dispose();
    }
    initial.parameters = undefined;
  };

  try {
    if (!resumed && !initial.parameters) await evaluate();
    while (!isOver()) {
      await control.gate();
      if (control.stopping) {
        // Who resumes before the first step begins anew.
        if (!lowers && !initial.parameters) await save();
        return false;
      }
      const record = await trainer.step().catch((error: unknown) => {
        if (error instanceof StoppedAsking) return undefined;
        return atStep(trainer.position, experimentFile)(error);
      });
      // Stopped: seen above.
      if (!record) continue;
      metrics.append(record);
      recorder.progress(progress('training'), record);
      await alert(watch.step(record));
      await evaluateInitial();
      if (isEvaluatedAfter(trainer.position, trainer.steps, spec.evaluateEvery)) await evaluate();
      if (isOver() || trainer.position % spec.checkpointEvery === 0)
        await save().catch(atStep(trainer.position, experimentFile));
    }
    await alert(watch.ended());
    if (patienceIsOver()) {
      const [step, steps] = [formatCount(trainer.position), formatCount(trainer.steps)];
      const since = `the best evaluation was at step ${formatCount(best?.step)}`;
      await recorder.note(
        `the ${role} ends at step ${step} of ${steps}: its patience of ${spec.patience} is over, ${since}`,
      );
    }
    return true;
  } finally {
    metrics.close();
    evaluations.close();
  }
}

/** What a resumed run finds wrong with its records; undefined where it is nothing. */
function recordsText(file: string, { missing, doubled }: RecordsFound): string | undefined {
  const found = [
    ...(missing > 0 ? [`has no record of ${formatCount(missing)} steps, whose curve has a gap`] : []),
    ...(doubled > 0 ? [`had ${formatCount(doubled)} records twice, which are removed`] : []),
  ];
  return found.length > 0 ? `${file} ${found.join(' and ')}: somebody changed it, or the disk is failing` : undefined;
}

/** Says at which step numbers were none, and in which file that may be changed. */
const atStep =
  (step: number, experiment: string) =>
  (error: unknown): never => {
    throw error instanceof NotFinite ? error.at(step, experiment) : error;
  };
