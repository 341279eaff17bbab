/** @file A run in words, the same in the sidebar, the status bar, pickers and announcements. */

import { l10n } from 'vscode';
import { formatCount, formatDuration, formatPercent, formatSetting, formatSpan } from '../../protocol/format';
import { hasBetterQuality, qualityIn, verdictOf, type QualityKey, type Verdict } from '../../protocol/quality';
import {
  isLive,
  type AlertRecord,
  type ComparisonRow,
  type Metrics,
  type Role,
  type RunHost,
  type RunProgress,
  type RunRecord,
  type RunStatus,
  type SlurmJob,
  type StudyKind,
  type WaitingRecord,
} from '../../protocol/records';
import { namesOfHosts } from '../../protocol/torchrun';
import type { ListedRun } from './run-list';

/** Narrow no-break space, between a number and its unit. */
const space = '\u202f';
const separator = ' · ';

export function statusWord(status: RunStatus): string {
  const words: Record<RunStatus, string> = {
    queued: l10n.t('queued'),
    running: l10n.t('running'),
    paused: l10n.t('paused'),
    stopped: l10n.t('stopped'),
    failed: l10n.t('failed'),
    done: l10n.t('done'),
  };
  return words[status];
}

/** What a study answers, as the Lab and its report have it too. */
export function studyQuestion(kind: StudyKind): string {
  const questions: Record<StudyKind, string> = {
    labels: l10n.t('How many labels does the teacher save?'),
    families: l10n.t('Does distillation pay more for an encoder or for a decoder?'),
    temperature: l10n.t('Which temperature and α?'),
  };
  return questions[kind];
}

/** `2 of 12`; undefined of a run that is part of no sweep. */
export function numberInSweep({ sweep }: RunRecord): string | undefined {
  if (sweep?.number === undefined || sweep.of === undefined) return undefined;
  return l10n.t('{0} of {1}', sweep.number, sweep.of);
}

function roleWord(role: Role): string {
  const words: Record<Role, string> = {
    teacher: l10n.t('teacher'),
    student: l10n.t('student'),
    control: l10n.t('control'),
  };
  return words[role];
}

/** `control, no distillation`; the other roles need no name, but an ensemble's members a number. */
export function rowName({ role, name }: ComparisonRow): string {
  return modelName(role, name);
}

function modelName(role: Role, name: string): string {
  if (role === 'control') return `${roleWord(role)}, ${name.replaceAll('-', ' ')}`;
  const member = /^teacher (\d+)$/.exec(name)?.[1];
  return member === undefined ? roleWord(role) : l10n.t('teacher {0}', member);
}

/** The one number that the task is judged by: `macro-F1 .983`, `perplexity 41.2`. */
export function mainMetric(metrics: Metrics): string | undefined {
  const names: Record<QualityKey, string> = {
    entityF1: l10n.t('entity F1'),
    meanAveragePrecision: 'mAP',
    macroF1: 'macro-F1',
    rmse: 'RMSE',
    perplexity: l10n.t('perplexity'),
    accuracy: l10n.t('accuracy'),
    spearman: 'Spearman',
    teacherCosine: l10n.t('cosine to teacher'),
  };
  const quality = qualityIn(metrics);
  return quality && `${names[quality.key]} ${quality.format(metrics[quality.key])}`;
}

/** `42 %`, never more than is done. */
export function percentDone({ fraction }: RunProgress): string {
  return `${Math.floor(100 * fraction)}${space}%`;
}

/** In tens of seconds, in whole minutes from two minutes on: an estimate is no more exact, and a view that changes each second disturbs. */
export function timeLeft({ secondsLeft }: RunProgress): string | undefined {
  if (secondsLeft === undefined) return undefined;
  const unit = secondsLeft < 120 ? 10 : 60;
  const shown = unit * Math.ceil(secondsLeft / unit);
  return l10n.t('{0} left', formatDuration(shown));
}

/** `after Spam filter, which is paused`: what a queued run waits for; undefined where that is not known. */
export function waitingWords({ waiting }: Pick<RunRecord, 'waiting'>): string | undefined {
  if (waiting?.run === undefined) return undefined;
  // The folder's name is the time and the run's own name.
  const name = waiting.run.replace(/^[^_]*_/, '');
  const after = waiting.isPaused ? l10n.t('waits for {0}, which is paused', name) : l10n.t('waits for {0}', name);
  return waiting.ahead > 1 ? [after, l10n.t('{0} before it', waiting.ahead)].join(separator) : after;
}

/** `CPU`, `GPU`, or the host whose turn a queued run waits for. */
export function waitedFor({ device, host }: WaitingRecord): string {
  if (host !== undefined) return l10n.t('host {0}', host);
  return device === 'gpu' ? 'GPU' : 'CPU';
}

/** `step 120 of 600`, or what is done before and after the steps. */
export function phaseWords({ phase, step, steps }: RunProgress): string {
  const phases: Record<RunProgress['phase'], string> = {
    preparing: l10n.t('preparing soft labels'),
    training: l10n.t('step {0} of {1}', formatCount(step), formatCount(steps)),
    evaluating: l10n.t('evaluating'),
    comparing: l10n.t('comparing the models'),
  };
  return phases[phase];
}

/** `student: step 120 of 600`, or `student, seed 2 of 3: …`. */
export function progressWords(progress: RunProgress): string {
  return `${trainedWords(progress)}: ${phaseWords(progress)}`;
}

/** `student`, or `student, seed 2 of 3`. */
export function trainedWords({ role, seed }: RunProgress): string {
  return seed ? l10n.t('{0}, seed {1} of {2}', roleWord(role), seed.number, seed.of) : roleWord(role);
}

/** `student, step 120`, of several seeds `student, seed 2, step 120`: which model a warning is about, and when it was said. */
export function alertSource({ role, name, seed, step }: AlertRecord): string {
  const model = modelName(role, name);
  return seed === undefined
    ? l10n.t('{0}, step {1}', model, formatCount(step))
    : l10n.t('{0}, seed {1}, step {2}', model, seed, formatCount(step));
}

/** What tells a run from others of its experiment: `T 4 · α .7`; its name where that is all that is known. */
export function runLabel({ record, origin }: ListedRun): string {
  const setting = (name: string, value: number | { from: number; to: number } | undefined): string | undefined => {
    if (value === undefined) return undefined;
    const words = typeof value === 'number' ? [value] : [value.from, value.to];
    return `${name} ${words.map(formatSetting).join(' → ')}`;
  };
  const parts = [setting('T', origin?.temperature), setting('α', origin?.alpha)].filter((part) => part !== undefined);
  return parts.length === 0 ? record.name : parts.join(separator);
}

/** The student's final result, as its comparison has it; before that its best on validation, which is said. */
function runMetric(run: ListedRun): string | undefined {
  const final = summaryRow(run, 'student')?.metrics;
  return final ? mainMetric(final) : validationMetric(run);
}

/** The student's best on validation: what runs are chosen by, so that nothing is chosen by the test rows. */
const validationOf = ({ record, best }: ListedRun): Metrics | undefined => record.summary?.validation ?? best;

/** `macro-F1 .983 on validation`. */
export function validationMetric(run: ListedRun): string | undefined {
  const metric = mainMetric(validationOf(run) ?? {});
  return metric && l10n.t('{0} on validation', metric);
}

/** Whether a run has a result on validation, and a better one than the other, if that has one. */
export function isBetter(run: ListedRun, other: ListedRun | undefined): boolean {
  return hasBetterQuality(validationOf(run) ?? {}, other && validationOf(other));
}

export function summaryRow(run: ListedRun, role: Role): ComparisonRow | undefined {
  return run.record.summary?.rows.find((row) => row.role === role);
}

/** The line after a run's name: how far it is and what it has reached, most wanted first. */
export function describeRun(run: ListedRun, now = Date.now()): string {
  const { status, progress, started, host } = run.record;
  const isLost = isLive(status) && host?.lost !== undefined;
  const [lost, where] = isLost ? [hostWords(host), undefined] : [undefined, trainedWhereWords(run.record)];
  const student = summaryRow(run, 'student');
  const metric = runMetric(run);
  const kept = student?.retention === undefined ? undefined : l10n.t('keeps {0}', formatPercent(student.retention));
  const begun = Number.isNaN(Date.parse(started)) ? undefined : ago((now - Date.parse(started)) / 1000);
  const parts =
    progress && isLive(status)
      ? [
          lost,
          status === 'running' ? undefined : statusWord(status),
          percentDone(progress),
          status === 'running' ? timeLeft(progress) : undefined,
          metric,
          where,
        ]
      : status === 'queued'
        ? [statusWord(status), waitingWords(run.record), begun, where]
        : [lost, status === 'done' ? undefined : statusWord(status), metric, kept, begun, where];
  return parts.filter((part) => part !== undefined).join(separator);
}

/** `job 12 waits in the queue of Slurm`, `job 12 of Slurm`. */
function slurmWords({ job, state }: SlurmJob): string {
  return state === 'PENDING' ? l10n.t('job {0} waits in the queue of Slurm', job) : l10n.t('job {0} of Slurm', job);
}

/** Where a run is trained, as far as it is not simply here. */
export function trainedWhereWords({
  host,
  slurm,
  status,
}: Pick<RunRecord, 'host' | 'slurm' | 'status'>): string | undefined {
  const parts = [...(slurm && isLive(status) ? [slurmWords(slurm)] : []), ...(host ? [hostWords(host)] : [])];
  return parts.length === 0 ? undefined : parts.join(separator);
}

/** `on gpu1`; `no connection to gpu1` while that is lost. */
export function hostWords(host: RunHost): string {
  const { name, lost } = host;
  return lost ? l10n.t('no connection to {0}', lost.host ?? name) : l10n.t('on {0}', namesOfHosts(host).join(', '));
}

/** What it means that there is no connection, and since when; undefined where there is one. */
export function lostWords({ name, lost }: RunHost): string | undefined {
  if (!lost) return undefined;
  const since = new Date(lost.since).toLocaleTimeString([], { timeStyle: 'short' });
  return l10n.t(
    'No connection to {0} since {1} ({2}). It is tried again; the training goes on there, and nothing is lost.',
    lost.host ?? name,
    since,
    lost.reason,
  );
}

/** What the run found, in a sentence: did the student keep the teacher's quality, and did distillation help? */
export function finding(run: ListedRun): string | undefined {
  const student = summaryRow(run, 'student');
  const kept = keptWords(run, student);
  if (!student || kept === undefined) return undefined;
  const control = summaryRow(run, 'control');
  const [own, other] = [mainMetric(student.metrics), mainMetric(control?.metrics ?? {})];
  if (!own || !other) return kept;
  const words: Record<Verdict, string> = {
    helped: l10n.t('Distillation helped: {0}, without it {1}.', own, other),
    hurt: l10n.t('Distillation did harm: {0}, without it {1}.', own, other),
    unclear: l10n.t('Whether distillation helped, these rows cannot tell: {0}, without it {1}.', own, other),
  };
  // A run of an earlier version has no interval that could decide.
  const compared = student.gain
    ? words[verdictOf(student.gain.interval)]
    : l10n.t('{0}, without distillation {1}.', own, other);
  const closed =
    student.gapClosed && l10n.t('{0} of the gap to the teacher closed.', formatPercent(student.gapClosed.value));
  return [kept, compared, closed].filter(Boolean).join(' ');
}

function keptWords({ record: { summary } }: ListedRun, student: ComparisonRow | undefined): string | undefined {
  if (summary?.teacherAtChance) return l10n.t('The teacher has learnt nothing: it is no better than chance.');
  if (student?.retention === undefined) return undefined;
  return l10n.t("The student keeps {0} of the teacher's quality.", formatPercent(student.retention));
}

export function ago(seconds: number): string {
  return seconds < 60 ? l10n.t('just now') : l10n.t('{0} ago', formatSpan(seconds));
}
