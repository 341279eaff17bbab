/** @file What a run shows in a terminal: a progress bar, or plain lines where there is no terminal. */

import { createInterface } from 'node:readline/promises';
import { setTimeout as delay } from 'node:timers/promises';
import cliProgress from 'cli-progress';
import { inTerminal } from '../../protocol/escapes';
import { formatProblem } from '../../protocol/problem';
import { formatCount, formatDuration, formatPercent, formatQuantity } from '../../protocol/format';
import { metricFacts, type MetricKey } from '../../protocol/quality';
import type { Metrics, MetricsRecord, RunProgress } from '../../protocol/records';
import type { RunOutput } from '../commands/start-run';

/** Lines without a terminal come no more often than this. */
const LINE_INTERVAL_MS = 5000;

/** Progress goes to standard error, so that standard output holds the result alone. */
const stream = process.stderr;

const BAR_FORMAT = '{role} {bar} {percentage} %  {step}  {figures}  {left}';

export function terminalOutput(): RunOutput & { end(): void } {
  return stream.isTTY ? barOutput() : lineOutput();
}

function figures(metrics: MetricsRecord | undefined): string {
  if (!metrics) return '';
  const { loss, tokensPerSecond, padding, onPolicy } = metrics;
  const components = Object.entries(loss).map(([name, value]) => `${name} ${formatQuantity(value as number)}`);
  if (onPolicy) components.push(`on ${onPolicy.texts} own texts of ${formatQuantity(onPolicy.meanLength)} tokens`);
  const padded = padding === undefined ? [] : [`${formatPercent(padding)} padding`];
  return [...components, `${formatCount(Math.round(tokensPerSecond))} tokens/s`, ...padded].join('  ');
}

/** `student`, or `student, seed 2 of 3`; what is done before and after the trainings by its own name. */
export function nameOf({ role, seed, phase }: RunProgress): string {
  if (phase === 'preparing') return 'soft labels';
  if (phase === 'comparing') return 'comparison';
  return seed ? `${role}, seed ${seed.number} of ${seed.of}` : role;
}

const left = ({ secondsLeft }: RunProgress): string =>
  secondsLeft === undefined ? '' : `about ${formatDuration(secondsLeft)} left`;

function quality(metrics: Metrics): string {
  const said = (key: MetricKey, { name, format } = metricFacts[key]): string[] =>
    metrics[key] === undefined ? [] : [`${name} ${format(metrics[key])}`];
  const agreement = { ...metricFacts.agreement, name: 'agreement with the teacher' };
  const keys: MetricKey[] = [
    'entityF1',
    'meanAveragePrecision',
    'macroF1',
    'rmse',
    'spearman',
    'perplexity',
    'accuracy',
  ];
  return [
    ...keys.flatMap((key) => said(key)),
    ...said('agreement', agreement),
    ...said('teacherRmse'),
    ...said('teacherCosine'),
  ].join(', ');
}

/** What is said in lines, with a bar or without. */
function spoken(write: (line: string) => void): Omit<RunOutput, 'progress'> {
  return {
    started: (directory, _experiment, warnings) => {
      for (const problem of warnings) write(formatProblem(problem));
      write(`run directory ${directory}`);
    },
    note: write,
    evaluated: (role, step, metrics) => write(`${role} at step ${formatCount(step)}: ${quality(metrics)}`),
  };
}

function barOutput(): RunOutput & { end(): void } {
  // Only a MultiBar can write lines above its bars.
  const bars = new cliProgress.MultiBar(
    { format: BAR_FORMAT, stream, hideCursor: true, clearOnComplete: true, barsize: 24, fps: 8, linewrap: false },
    cliProgress.Presets.shades_classic,
  );
  let current: { bar: cliProgress.SingleBar; name: string } | undefined;
  return {
    ...spoken((line) => bars.log(`${inTerminal(line)}\n`)),
    ...(process.stdin.isTTY && { ask }),
    progress: (progress, metrics) => {
      const shown = payload(progress, metrics);
      const name = nameOf(progress);
      if (current?.name !== name) {
        if (current) bars.remove(current.bar);
        current = { name, bar: bars.create(progress.steps, progress.step, { figures: '', ...shown }) };
      }
      current.bar.update(progress.step, shown);
    },
    end: () => bars.stop(),
  };
}

/** After so long nobody is there who would answer. */
const PATIENCE_SECONDS = 30;

/** Yes is y or yes in either case; another answer, and the end of the input, is no. @returns undefined where nobody answers */
async function ask(question: string): Promise<boolean | undefined> {
  const lines = createInterface({ input: process.stdin, output: stream });
  // Read from the terminal, Ctrl+C is a key like others.
  lines.once('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  const ended = new Promise<string>((resolve) => lines.once('close', () => resolve('')));
  const unanswered = delay(PATIENCE_SECONDS * 1000, undefined, { ref: false });
  const asked = lines.question(
    `${inTerminal(question)} (without an answer it goes on in ${PATIENCE_SECONDS} s) [y/N] `,
  );
  const answer = await Promise.race([asked, ended, unanswered]);
  lines.close();
  return answer === undefined ? undefined : /^\s*y(es)?\s*$/i.test(answer);
}

function payload(progress: RunProgress, metrics: MetricsRecord | undefined): object {
  const isOfSteps = progress.phase === 'training' || progress.phase === 'evaluating';
  const step = isOfSteps ? `step ${formatCount(progress.step)} of ${formatCount(progress.steps)}` : '';
  return {
    role: nameOf(progress).padEnd(7),
    step,
    left: left(progress),
    figures: metrics && figures(metrics),
  };
}

function lineOutput(): RunOutput & { end(): void } {
  let lastLine = -Infinity;
  const write = (line: string): void => void stream.write(`${inTerminal(line)}\n`);
  return {
    ...spoken(write),
    progress: (progress, metrics) => {
      if (!metrics || performance.now() - lastLine < LINE_INTERVAL_MS) return;
      lastLine = performance.now();
      const { step, steps, fraction } = progress;
      write(
        [
          `${formatPercent(fraction)}  ${nameOf(progress)}, step ${formatCount(step)} of ${formatCount(steps)}`,
          figures(metrics),
          left(progress),
        ]
          .filter(Boolean)
          .join('  '),
      );
    },
    end: () => undefined,
  };
}
