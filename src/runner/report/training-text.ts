/** @file How each training of a run went, in the report: too short, too long, or long enough, and what the run warned of. */

import { inMarkdown } from '../../protocol/escapes';
import { formatCount, formatDuration, formatPercent, formatQuantity } from '../../protocol/format';
import type { Quality } from '../../protocol/quality';
import type { AlertRecord, EvaluationRecord, MetricsRecord, OnPolicyRecord, Role } from '../../protocol/records';
import { alertedModel } from '../run/run-recorder';
import { bestEvaluation, fallAtEnd } from '../alerts/training-watch';

/** Relative rise of the validation loss over its least from which a training is said to have got worse. */
const worse = 0.02;

/** How many of a student's steps were on its own texts, and how those were; undefined where none was. */
export function ownTextsText(metrics: readonly MetricsRecord[]): string | undefined {
  const own = metrics.flatMap(({ onPolicy }) => onPolicy ?? []);
  if (own.length === 0) return undefined;
  const texts = own.reduce((sum, one) => sum + one.texts, 0);
  const meanOf = (value: (one: OnPolicyRecord) => number): number =>
    own.reduce((sum, one) => sum + one.texts * value(one), 0) / Math.max(1, texts);
  const seconds = own.reduce((sum, one) => sum + one.seconds, 0);
  const length = `${formatQuantity(meanOf(({ meanLength }) => meanLength))} tokens each`;
  return `${formatCount(own.length)} of ${formatCount(metrics.length)} steps were on what the student wrote itself: ${formatCount(texts)} texts, ${length}, ${formatPercent(meanOf(({ ended }) => ended))} of them brought to their end; writing took ${formatDuration(seconds)}.`;
}

export interface ReportedTraining {
  role: Role;
  /** As the comparison names the model. */
  name: string;
  seed?: number | undefined;
  evaluations: readonly EvaluationRecord[];
  /** As the experiment has it. */
  training: { epochs: number; patience?: number | undefined };
}

/** A section; none where nothing was recorded. */
export function trainingText(
  trainings: readonly ReportedTraining[],
  alerts: readonly AlertRecord[],
  quality: Quality,
): string[] {
  const lines = trainings.flatMap((training) => {
    const said = howItWent(training, quality);
    return said === undefined ? [] : [`- ${alertedModel(training)}: ${said}`];
  });
  if (lines.length === 0) return [];
  const warnings = alerts.map((alert) => {
    const words = [alert.message, alert.remedy ?? ''].join(' ').trim();
    return `- ${alertedModel(alert)}, step ${formatCount(alert.step)}: ${inMarkdown(words)}`;
  });
  return [
    '## How the training went',
    lines.join('\n'),
    ...(warnings.length > 0 ? ['Warnings while it ran:', warnings.join('\n')] : []),
  ];
}

/** Undefined for a model that was not trained here. */
export function howItWent(
  { role, evaluations, training }: ReportedTraining,
  { key, name, format }: Quality,
): string | undefined {
  const own = evaluations.filter((one) => one.role === role);
  const [best, last] = [bestEvaluation(own), own.at(-1)];
  if (!best || !last) return undefined;
  const setting = role === 'teacher' ? 'teacher.training' : 'training';
  const reached = `best on validation at step ${formatCount(best.step)} of ${formatCount(last.step)}, ${name} ${format(best.metrics[key])}`;
  const fall = fallAtEnd(own);
  if (fall) {
    const [from, to] = [fall.from.metrics.loss, fall.to.metrics.loss].map(formatQuantity);
    return `${reached}. The loss was still falling when training ended (${from} to ${to} since step ${formatCount(fall.from.step)}): a longer one may do better. Raise ${setting}.epochs, now ${training.epochs}.`;
  }
  const [then, now] = [best.metrics.loss!, last.metrics.loss!];
  const isOver = training.patience !== undefined && own.length - 1 - own.indexOf(best) >= training.patience;
  if (best !== last && now > (1 + worse) * then) {
    const since = `It got worse since (validation loss ${formatQuantity(then)} then, ${formatQuantity(now)} at the end)`;
    const advice = isOver
      ? `${setting}.patience ended it.`
      : `${setting}.patience would end it sooner, and fewer epochs suffice.`;
    return `${reached}. ${since}; the best checkpoint is what was kept. ${advice}`;
  }
  if (own.length < 4)
    return `${reached}. Too few evaluations to tell whether it was long enough: lower ${setting}.evaluateEvery.`;
  return `${reached}. By its end it had levelled off${isOver ? `, and ${setting}.patience ended it` : ''}.`;
}
