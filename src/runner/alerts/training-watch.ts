/**
 * @file Watches one training by its records, for what a person would want to change: a loss that rises, one that does not move,
 * overfitting, an end that came too early. The thresholds and their reasons are in docs/alerts.md.
 */

import { formatPercent, formatQuantity } from '../../protocol/format';
import { complaint, type Complaint } from '../../protocol/problem';
import { isBetterEvaluation } from '../../protocol/quality';
import type { LossComponents, Metrics, MetricsRecord, Role } from '../../protocol/records';

/** Steps over which losses are averaged before they are compared: single batches differ too much. */
export const windowSteps = 25;

/** Evaluations without a better one before overfitting is said. */
const overfittingEvaluations = 3;

/** Relative rise of the validation loss over its least, from which it is overfitting. */
const overfittingRise = 0.05;

/** Relative change of the validation loss up to which it has not moved. */
const stalledChange = 0.01;

/** Relative fall of the validation loss over the last fifth of a training from which it was not over. */
const stillFalling = 0.02;

/** An evaluation on validation. */
export interface Evaluated {
  step: number;
  metrics: Metrics;
}

/** Means of the loss components over `windowSteps` steps; a component that no step had is absent. */
export interface LossWindow {
  /** The last step of the window. */
  step: number;
  total: number;
  soft?: number | undefined;
  hard?: number | undefined;
}

export interface WatchedTraining {
  role: Role;
  /** Updates that are planned. */
  steps: number;
  /** Where the person would change it: `training`, `teacher.training`. */
  setting: string;
  epochs: number;
  patience?: number | undefined;
}

/** What was found, each once. Nothing of it depends on when records arrive: a resumed training is watched from its records on disk. */
export class TrainingWatch {
  private readonly windows: LossWindow[] = [];
  private pending: LossComponents[] = [];
  private readonly evaluations: Evaluated[] = [];

  constructor(private readonly training: WatchedTraining) {}

  /** @returns what is to be said after this step */
  step({ step, loss }: Pick<MetricsRecord, 'step' | 'loss'>): Complaint[] {
    this.pending.push(loss);
    if (this.pending.length < windowSteps) return [];
    this.windows.push(meanLosses(step, this.pending));
    this.pending = [];
    const rise = divergence(this.windows);
    if (!rise) return [];
    const { least, now } = rise;
    const { setting } = this.training;
    return [
      complaint('loss-diverging', {
        setting,
        best: least.step,
        least: formatQuantity(least.total),
        now: formatQuantity(now.total),
      }),
    ];
  }

  /** @returns what is to be said after this evaluation */
  evaluated(evaluation: Evaluated): Complaint[] {
    this.evaluations.push(evaluation);
    const { role, steps, setting, patience } = this.training;
    const { step, metrics } = evaluation;
    const found: Complaint[] = [];
    if (role === 'student' && step === 0 && equalsTeacher(metrics)) {
      const { teacherKl, agreement, teacherCosine } = metrics;
      const what = { kl: formatQuantity(teacherKl), agreement: formatPercent(agreement) };
      if (teacherCosine !== undefined) found.push(complaint('student-equals-teacher-embedding', {}));
      else
        found.push(
          teacherKl === undefined
            ? complaint('student-equals-teacher-number', {})
            : complaint('student-equals-teacher', what),
        );
    }
    if (isStalled(this.evaluations, steps)) {
      const before = formatQuantity(this.evaluations[0]!.metrics.loss);
      found.push(complaint('training-stalled', { setting, before, now: formatQuantity(metrics.loss) }));
    }
    const best = overfittingSince(this.evaluations, this.windows);
    if (best) {
      const [least, now] = [formatQuantity(best.metrics.loss), formatQuantity(metrics.loss)];
      found.push(complaint('overfitting', { setting, patience, best: best.step, least, now }));
    }
    return found;
  }

  /** @returns what is to be said of a training that is over */
  ended(): Complaint[] {
    const { setting, epochs } = this.training;
    const fall = fallAtEnd(this.evaluations);
    if (!fall) return [];
    const { from, to } = fall;
    const steps = { from: from.step, step: to.step };
    const losses = { before: formatQuantity(from.metrics.loss), now: formatQuantity(to.metrics.loss) };
    return [complaint('undertrained', { setting, epochs, ...steps, ...losses })];
  }
}

/** Of each component the mean over the steps that have it. */
export function meanLosses(step: number, losses: readonly LossComponents[]): LossWindow {
  const mean = (key: 'total' | 'soft' | 'hard'): number | undefined => {
    const values = losses.flatMap((loss) => loss[key] ?? []);
    return values.length === 0 ? undefined : values.reduce((a, b) => a + b, 0) / values.length;
  };
  const [soft, hard] = [mean('soft'), mean('hard')];
  return { step, total: mean('total')!, soft, hard };
}

/**
 * The latest window and that of the least total, where every component of the loss has lost half of what it had gained, and at
 * least a quarter of what it began with. Every one, for a schedule of T or α moves the total by itself.
 */
export function divergence(windows: readonly LossWindow[]): { least: LossWindow; now: LossWindow } | undefined {
  const [first, now] = [windows[0], windows.at(-1)];
  if (!first || !now || windows.length < 2) return undefined;
  const rises = (key: 'soft' | 'hard'): boolean | undefined => {
    const [began, own] = [first[key], now[key]];
    if (began === undefined || own === undefined) return undefined;
    const least = Math.min(...windows.flatMap((window) => window[key] ?? []));
    return own > least + Math.max(began - least, began / 2) / 2;
  };
  const all = [rises('soft'), rises('hard')].filter((one) => one !== undefined);
  if (all.length === 0 || all.includes(false)) return undefined;
  return { least: windows.reduce((a, b) => (b.total < a.total ? b : a)), now };
}

/** Whether student and teacher are the same function on these rows, to rounding. */
export function equalsTeacher({ teacherKl, agreement, teacherRmse, rmse, teacherCosine }: Metrics): boolean {
  if (teacherCosine !== undefined) return teacherCosine >= 1 - 1e-6;
  if (teacherRmse !== undefined) return teacherRmse <= 1e-4 * rmse!;
  return teacherKl !== undefined && teacherKl <= 1e-4 && (agreement ?? 0) >= 0.999;
}

/** Whether, a third of the training being over and with three evaluations at least, none differs from the first by more than 1 %. */
export function isStalled(evaluations: readonly Evaluated[], steps: number): boolean {
  const [first, ...later] = evaluations;
  const began = first?.metrics.loss;
  if (began === undefined || later.length < 3 || later.at(-1)!.step < steps / 3) return false;
  return later.every(({ metrics }) => Math.abs(metrics.loss! - began) <= stalledChange * began);
}

/** The best evaluation. Evaluations of equal quality are told apart by their loss. */
export function bestEvaluation<T extends Evaluated>(evaluations: readonly T[]): T | undefined {
  let best: T | undefined;
  for (const one of evaluations) if (!best || isBetterEvaluation(one.metrics, best.metrics)) best = one;
  return best;
}

/**
 * The best evaluation, where the last three are worse than it, the validation loss has risen by 5 % over its least, and the
 * training loss has fallen meanwhile: without that, it is no overfitting.
 */
export function overfittingSince(
  evaluations: readonly Evaluated[],
  windows: readonly LossWindow[],
): Evaluated | undefined {
  const best = bestEvaluation(evaluations);
  if (!best) return undefined;
  const since = evaluations.slice(evaluations.indexOf(best) + 1);
  const now = since.at(-1)?.metrics.loss;
  if (since.length < overfittingEvaluations || now === undefined) return undefined;
  const least = Math.min(...evaluations.map(({ metrics }) => metrics.loss!));
  if (now <= (1 + overfittingRise) * least) return undefined;
  const before = windows.findLast(({ step }) => step < best.step) ?? windows[0];
  const after = windows.at(-1);
  const lossOf = ({ hard, total }: LossWindow): number => hard ?? total;
  return before && after && before !== after && lossOf(after) < lossOf(before) ? best : undefined;
}

/** Four fifths of a training: what is still falling from here on would have fallen on. */
const beforeTheEnd = (steps: number): number => Math.floor(0.8 * steps);

/** Whether a training of so many steps is evaluated after this one: also once before its end, where nothing else would say how it went. */
export function isEvaluatedAfter(step: number, steps: number, every: number): boolean {
  return step === steps || step % every === 0 || (every > beforeTheEnd(steps) && step === beforeTheEnd(steps));
}

/**
 * The last evaluation and the latest at or before four fifths of the training, where the last is the best and the validation loss
 * fell by more than 2 % between them.
 */
export function fallAtEnd(evaluations: readonly Evaluated[]): { from: Evaluated; to: Evaluated } | undefined {
  const to = evaluations.at(-1);
  if (!to || bestEvaluation(evaluations) !== to) return undefined;
  const from = evaluations.findLast(({ step }) => step > 0 && step <= beforeTheEnd(to.step));
  if (!from || to.metrics.loss! >= (1 - stillFalling) * from.metrics.loss!) return undefined;
  return { from, to };
}
