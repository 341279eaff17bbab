/** @file Trains one model of a run to its end, or until asked to stop: steps, evaluations, probes, checkpoints. */

import type { Evaluator } from '../../distill/evaluator';
import { NotFinite } from '../../distill/not-finite';
import { trainedSpecs } from '../../distill/specs';
import type { Pairing } from '../../distill/pairing';
import type { Prober, ProbedLogits } from '../../distill/prober';
import type { Trainer } from '../../distill/trainer';
import { openRecords } from '../../run-directory/record-file';
import type { TrainingPaths } from '../../run-directory/run-paths';
import type { TrainingSpec } from '../../experiment/file/schema';
import { improvement, qualityOf } from '../../protocol/quality';
import type { Metrics, Role, RunProgress, Split, Task } from '../../protocol/records';
import { loadTraining, saveBest, saveTraining, type Best } from './checkpoints';
import type { RunControl } from './run-control';
import type { RunRecorder } from './run-recorder';

export interface ModelTraining {
  role: Role;
  task: Task;
  pairing: Pairing;
  trainer: Trainer;
  /** On the validation split. */
  evaluator: Evaluator;
  probes?: { prober: Prober; write: (step: number, logits: ProbedLogits[]) => Promise<void> } | undefined;
  paths: TrainingPaths;
  /** Path of the file that a person would change. */
  experimentFile: string;
  spec: TrainingSpec;
  /** What share of the whole run is done when this training is at a step. */
  progress: (step: number) => Pick<RunProgress, 'fraction' | 'secondsLeft' | 'seed'>;
}

const VALIDATION: Split = 'validation';

/** Returns whether the training was finished; a stopped one has its checkpoint on disk. */
export async function trainModel(
  training: ModelTraining,
  recorder: RunRecorder,
  control: RunControl,
): Promise<boolean> {
  const { trainer, paths, role, spec, pairing, experimentFile } = training;
  const architecture = pairing.student;
  const specs = trainedSpecs(pairing);
  const resumed = await loadTraining(paths);
  if (resumed) trainer.restore(resumed.state);
  let best = resumed?.best;
  const start = trainer.position;
  // What was recorded after the checkpoint is done, and recorded, again.
  const metrics = await openRecords(paths, 'metrics', start - 1);
  const evaluations = await openRecords(paths, 'evaluations', resumed ? start : -1);

  const progress = (phase: RunProgress['phase']): RunProgress => {
    const step = trainer.position;
    return { role, phase, step, steps: trainer.steps, ...training.progress(step) };
  };
  const save = async (): Promise<void> => {
    await saveTraining(paths, architecture, specs, { state: await trainer.state(), best });
  };
  const evaluate = async (): Promise<void> => {
    const step = trainer.position;
    recorder.progress(progress('evaluating'));
    const measured = await training.evaluator.evaluate(trainer.trained).catch(atStep(step, experimentFile));
    evaluations.append({ step, split: VALIDATION, role, metrics: measured });
    recorder.evaluated(role, step, measured);
    if (training.probes) {
      await training.probes.write(
        step,
        await training.probes.prober.probe(trainer.trained).catch(atStep(step, experimentFile)),
      );
    }
    if (isBetter(training.task, measured, best)) {
      best = { step, metrics: measured };
      await saveBest(paths, architecture, (await trainer.state()).parameters);
    }
  };

  try {
    if (!resumed) await evaluate();
    while (trainer.position < trainer.steps) {
      await control.gate();
      if (control.stopping) {
        await save();
        return false;
      }
      const record = await trainer.step().catch(atStep(trainer.position, experimentFile));
      metrics.append(record);
      recorder.progress(progress('training'), record);
      const isLast = trainer.position === trainer.steps;
      if (isLast || trainer.position % spec.evaluateEvery === 0) await evaluate();
      if (isLast || trainer.position % spec.checkpointEvery === 0) await save();
    }
    return true;
  } finally {
    metrics.close();
    evaluations.close();
  }
}

/** Quality chooses the best checkpoint; of several with the same macro-F1 the one with the lower loss. */
function isBetter(task: Task, metrics: Metrics, best: Best | undefined): boolean {
  if (!best) return true;
  const quality = qualityOf(task);
  const [own, others] = [metrics[quality.key]!, best.metrics[quality.key]!];
  if (own !== others) return improvement(quality, own, others) > 0;
  return metrics.loss! < best.metrics.loss!;
}

/** Says at which step numbers were none, and in which file that may be changed. */
const atStep =
  (step: number, experiment: string) =>
  (error: unknown): never => {
    throw error instanceof NotFinite ? error.at(step, experiment) : error;
  };
