/** @file The records of a run directory. As those of inspections and machines beside them they are what --json prints, and their fields' names are binding. */

import type { DeviceKind, TeacherPrecision } from './engines';
import type { EntityCounts } from './entities';
import type { ImitationName } from './imitation';
import type { Complaint, Place } from './problem';

/** What is predicted. */
export const tasks = [
  'text-classification',
  'causal-lm',
  'masked-lm',
  'token-classification',
  'sentence-embedding',
] as const;

export type Task = (typeof tasks)[number];

/**
 * What the labels of a classification are: of a text one class, any number of them, or a number; of each word of a text one class, or
 * the tag that says where in a named entity it stands. Of embeddings: how similar two texts are.
 */
export const labelKinds = ['single', 'multiple', 'regression', 'entities', 'similarity'] as const;

/** Those that an experiment may say; what tags of words, and pairs of texts, have follows from them. */
export const textLabelKinds = ['single', 'multiple', 'regression'] as const;

export type LabelKind = (typeof labelKinds)[number];

/** A row's hard label: the name of its class, the names of all that apply (of none: empty), or a number. */
export type Label = string | readonly string[] | number;

export const roles = ['teacher', 'student', 'control'] as const;

export type Role = (typeof roles)[number];
export const splits = ['train', 'validation', 'test'] as const;
export type Split = (typeof splits)[number];

export const runStatuses = ['queued', 'running', 'paused', 'stopped', 'failed', 'done'] as const;

export type RunStatus = (typeof runStatuses)[number];

/** A process is, or soon will be, at work on it. */
export function isLive(status: RunStatus): boolean {
  return status === 'queued' || status === 'running' || status === 'paused';
}

/** Failures that come from the weights, data and settings alone, which a resumed run has too: it would fail at the same step. */
const failsAlike: readonly string[] = ['training-diverged', 'weights-not-finite', 'numbers-not-finite'];

/** It ended before its time, and its last checkpoint can be gone on from with another end. */
export function isResumable({ status, error }: Pick<RunRecord, 'status' | 'error'>): boolean {
  return status === 'stopped' || (status === 'failed' && !failsAlike.includes(error?.code ?? ''));
}

/** Each before its weight, the sum over pairs of blocks. */
type ImitationLosses = Partial<Record<ImitationName, number>>;

/** A component that the experiment has not is absent, never 0. */
export interface LossComponents extends ImitationLosses {
  /** What is back-propagated: α · T² · soft + (1 − α) · hard + Σ weight · imitation loss. */
  total: number;
  /** Distillation loss at the step's temperature, before T² and α. */
  soft?: number;
  /** Student loss: cross-entropy with the hard labels at T = 1, in one control with smoothed ones; of several labels the mean of each one's, of a number the squared error, of embeddings that of a pair's cosine from its score. */
  hard?: number;
}

/** What a step that is on the student's own texts (`distillation.onPolicy`) was made of. */
export interface OnPolicyRecord {
  /** Texts that it wrote. */
  texts: number;
  /** Tokens that it wrote for each, the end of the text included, mean. */
  meanLength: number;
  /** Share of the texts that it brought to their end, 0 to 1. */
  ended: number;
  /** That writing them took. */
  seconds: number;
}

/** One line of `metrics.jsonl`: one optimizer step, measured before its update. */
export interface MetricsRecord {
  step: number;
  epoch: number;
  /** ISO 8601, UTC. */
  time: string;
  /** Real (not padding) tokens trained on so far. */
  tokens: number;
  loss: LossComponents;
  temperature?: number;
  alpha?: number;
  learningRate: number;
  /** Global L2 norm over all trained parameters, before clipping. */
  gradientNorm: number;
  tokensPerSecond: number;
  /** Share of the step's computed tokens that are padding, 0 to 1; absent in records of older versions. */
  padding?: number;
  /** Absent in steps that are on the rows of the dataset. */
  onPolicy?: OnPolicyRecord;
}

/**
 * Only what the task has: accuracy and macroF1 for classes, accuracy and where they are entities entityF1 for words, perplexity for language models; microF1, macroF1 and
 * meanAveragePrecision for several labels, rmse, pearson and spearman for numbers; of embeddings spearman and pearson where two texts have a score, and teacherCosine.
 */
export interface Metrics {
  accuracy?: number;
  /** Of named entities: F1 over all of them, one being right where its type and all of its words are (micro, as seqeval's default). */
  entityF1?: number;
  /** Mean of the areas under the labels' precision-recall curves: how well each label's rows are ranked, whatever the threshold. */
  meanAveragePrecision?: number;
  /** Of all decisions about labels together, each where its probability reaches 0.5. */
  microF1?: number;
  macroF1?: number;
  /** Root of the mean squared error, in the labels' unit. */
  rmse?: number;
  /** Of numbers with the labels; of embeddings of the cosines of two texts with their scores. */
  pearson?: number;
  spearman?: number;
  /** exp of the mean negative log-likelihood over counted positions. */
  perplexity?: number;
  /** Mean cross-entropy with the hard labels, nats; of numbers the mean squared error; of embeddings that of the cosines, and without scores 1 − teacherCosine. */
  loss?: number;
  /** Share of counted positions where student and teacher have the same first choice; of several labels, of decisions. */
  agreement?: number;
  /** Mean KL(teacher ‖ student) at T = 1, nats; of several labels the mean of each one's. */
  teacherKl?: number;
  /** Of numbers: root of the mean squared difference from the teacher's. */
  teacherRmse?: number;
  /** Of embeddings: mean over texts of the cosine of the teacher's and the model's. Of the teacher itself 1, where it is the quality. */
  teacherCosine?: number;
  /** Expected calibration error, 15 bins of equal width. */
  calibrationError?: number;
}

/** One line of `evaluations.jsonl`. */
export interface EvaluationRecord {
  step: number;
  split: Split;
  role: Role;
  metrics: Metrics;
}

/** How often predictions of about one confidence are right: one of 15 bins of equal width that has any. */
export interface CalibrationBin {
  /** Mean probability of the first choice. */
  confidence: number;
  /** Share of them that is right. */
  accuracy: number;
  count: number;
}

/** From and to, with 95 % confidence. */
export type Interval = [number, number];

/** One row of the comparison. */
export interface ComparisonRow {
  /** Name of the run's folder. */
  run: string;
  role: Role;
  name: string;
  /** This and the next two are absent of a teacher behind a server, of which nobody knows. */
  parameters?: number | undefined;
  /** Size of the weights on disk. */
  bytes?: number | undefined;
  /** Median time of one example, alone, on this device. */
  latencyMs?: number | undefined;
  /** On the test split, or on validation where the experiment has no test split: `split` says which. */
  split: Split;
  /** With several seeds their means. */
  metrics: Metrics;
  /** Standard deviation of each metric over the seeds (n − 1); absent where there is one. */
  spread?: Metrics | undefined;
  /** The metrics of each seed; absent where there is one, and for the teacher, which all seeds share. */
  bySeed?: SeedMetrics[] | undefined;
  /** Share of the teacher's quality that is kept: macro-F1 over the teacher's, or teacher perplexity over own. */
  retention?: number | undefined;
  /**
   * 95 % intervals of metrics: accuracy and agreement of a classifier by Wilson's formula, all others by the bootstrap over
   * rows (2,000 resamples, percentiles). With several seeds all are those of decision 26.
   */
  intervals?: Partial<Record<keyof Metrics, Interval>> | undefined;
  /** The student's or control's row: how much better its quality (macro-F1, or perplexity) is than the first control's. */
  gain?: Gain | undefined;
  /** The student's row: how much of the way from the first control to the teacher it went; absent where there is none to go. */
  gapClosed?: GapClosed | undefined;
  calibration?: CalibrationBin[] | undefined;
  /** Metrics that were NaN or infinite when an earlier version measured them, and are left out. Added when a run is read. */
  notFinite?: (keyof Metrics)[];
}

interface SeedMetrics {
  seed: number;
  metrics: Metrics;
}

/** A difference of two models' quality on the same rows; above 0 is better, for perplexity too. */
export interface Gain {
  over: string;
  value: number;
  /** By the paired bootstrap over rows; with several seeds paired over seeds and rows. */
  interval: Interval;
}

/** (control − student) / (control − teacher), of perplexity in nats a token: 1 is as good as the teacher, 0 as the control. */
export interface GapClosed {
  over: string;
  value: number;
  interval: Interval;
}

/** One line of `predictions.jsonl`: what the compared models said of one row of the final comparison. */
export interface PredictionRecord {
  file: string;
  line: number;
  /** The text's first 200 characters. */
  text: string;
  /** text-classification: the hard label. */
  label?: Label | undefined;
  /** text-classification: the teacher's, where a control and the student are not both right or both wrong. */
  softLabel?: SoftLabel | undefined;
  /** By the name of the model's row in the comparison: `teacher`, `student`, or a control's. */
  models: Record<string, ModelPrediction>;
}

/** A distribution over classes at a temperature, or each label's own probability: the most probable ones. */
export interface SoftLabel {
  temperature: number;
  top: { choice: string; probability: number }[];
}

/** Counts and sums over the row's counted predictions: one for a classifier, one a label where several may apply, one a word of a text, one a token for a language model. */
export interface ModelPrediction {
  /** text-classification: name of the first choice, and its probability. */
  choice?: string | undefined;
  probability?: number | undefined;
  /** Of several labels: those that the model says, the surest first. */
  choices?: { choice: string; probability: number }[] | undefined;
  /** Of a number: the one that the model says. */
  value?: number | undefined;
  predictions: number;
  /** Of words that are tags of entities: those that are right, that the model said, and that there are. */
  entities?: EntityCounts | undefined;
  /** First choices that are the hard label, or decisions about a label that are right; absent for a number. */
  correct?: number | undefined;
  /** Summed, nats; absent for a number. */
  negativeLogLikelihood?: number | undefined;
  /** First choices, or decisions, that are the teacher's; absent for the teacher. */
  agreeing?: number | undefined;
  /** KL(teacher ‖ model) at T = 1, summed, nats; absent for the teacher. */
  teacherKl?: number | undefined;
  /** Of embeddings: their cosines with the teacher's, summed over the row's texts (one, or a pair's two); of the teacher itself 1 each. */
  teacherCosine?: number | undefined;
  /** Of a pair of texts: the cosine of their embeddings. */
  similarity?: number | undefined;
}

export interface Comparison {
  rows: ComparisonRow[];
  /** Of student and controls, where there are several. */
  seeds?: number[] | undefined;
  /** The student's best metrics on validation, means over the seeds: what one may choose among runs by. */
  validation?: Metrics | undefined;
  /** The student over the first control, paired over seeds and rows; only with several seeds. */
  gain?: SeedGain | undefined;
  /** It was no better than what knows nothing: there is nothing of it to be kept, and no row has a retention. */
  teacherAtChance?: true | undefined;
  /** text-classification: the student over the first control in F1, by class; with several seeds their mean. */
  classGains?: ClassGain[] | undefined;
  /** Only of a study's runs, whose comparisons are held against each other. */
  resampled?: SharedResamples | undefined;
}

/** A quality on each of the same resamples of as many rows, whatever run it is of; the mean of several seeds. */
export interface SharedResamples {
  /** Rows that were drawn from, with replacement. */
  rows: number;
  student: number[];
  /** The first control. */
  control: number[];
}

export interface ClassGain {
  label: string;
  /** With this hard label. */
  rows: number;
  value: number;
  /** By the paired bootstrap over rows. */
  interval: Interval;
}

interface SeedGain {
  metric: keyof Metrics;
  mean: number;
  interval: Interval;
  level: 0.95;
  seeds: number;
  rows: number;
}

type Absent<T> = { [Key in keyof T]?: T[Key] | undefined };

/** Why a run has failed, in the terminal's words and as data. Records of earlier versions have the words alone. */
export interface RunErrorRecord extends Absent<Complaint>, Absent<Place> {
  message: string;
}

/**
 * What a run warns of while it goes on, each of a model once: in the terminal's words and as data, as an error. `role`, `name` and `seed` say
 * which model, as in the comparison; `step` when.
 */
export interface AlertRecord extends Absent<Complaint> {
  message: string;
  step: number;
  role: Role;
  name: string;
  /** Where there are several. */
  seed?: number | undefined;
}

/** What a running process is at. Roles are worked through in the order teacher, student, control. */
export interface RunProgress {
  role: Role;
  /** Which of several seeds, from 1. */
  seed?: { number: number; of: number } | undefined;
  /** `preparing`: the teacher is asked for its soft labels. `comparing`: all is trained. */
  phase: 'preparing' | 'training' | 'evaluating' | 'comparing';
  step: number;
  steps: number;
  /** Of the whole run, 0 to 1. */
  fraction: number;
  secondsLeft?: number | undefined;
}

/** What a queued run waits for. */
export interface WaitingRecord {
  device: DeviceKind;
  /** Which it waits for instead, where it is trained elsewhere. */
  host?: string | undefined;
  /** A paused one that has the device, else the next before it in the queue; absent while its name is not known. */
  run?: string | undefined;
  /** That one is paused: it holds the device until it goes on or is stopped. */
  isPaused: boolean;
  /** All that are before it. */
  ahead: number;
}

/** Questions that a sweep can be asked: see study.ts. */
export const studyKinds = ['labels', 'families', 'temperature'] as const;

export type StudyKind = (typeof studyKinds)[number];

/** Which combination of a sweep a run is. Runs of one sweep have the same `id`. */
export interface SweepMember {
  id: string;
  /** The sweep was made for this question. */
  study?: StudyKind | undefined;
  /** By the dotted path of each swept setting. */
  values: Record<string, unknown>;
  /** Its number, from 1, and how many there are in all: as they were when it was planned, for values may be added. */
  number?: number | undefined;
  of?: number | undefined;
}

/** A teacher that is asked in fewer bits than its weights have, held against the exact one on validation rows, at T = 1. */
export interface TeacherPrecisionRecord {
  precision: Exclude<TeacherPrecision, 'float32'>;
  /** Mean and largest KL(exact ‖ rounded), nats. */
  meanKl: number;
  largestKl: number;
  /** Share of predictions with the same first choice. */
  agreement: number;
  predictions: number;
  /** How many times as fast it answers. */
  speed: number;
}

/** Of the runner's process, where the engine computes in host memory. */
export interface MemoryRecord {
  /** Predicted from the recorded graphs before a training began; of several trainings the most. */
  predictedBytes: number;
  /** The most that has been resident when a training ended. */
  peakBytes?: number | undefined;
}

/** The host that a run is trained on, or several: by what names ssh knows them. */
export interface RunHost {
  name: string;
  /** Those that train together with the first. */
  others?: string[] | undefined;
  /** While there is no connection, which is tried again: since when, ISO 8601 in UTC, what ssh said, and of several to which. The training goes on there. */
  lost?: { since: string; reason: string; host?: string | undefined } | undefined;
}

/** The job of Slurm that a run is trained by, as `squeue` last had it. */
export interface SlurmJob {
  job: string;
  /** `PENDING`, `RUNNING`, `COMPLETING`, …: squeue(1). */
  state: string;
  /** Why it waits. */
  reason?: string | undefined;
}

/** `run.json`. */
export interface RunRecord {
  name: string;
  task: Task;
  /** Of a classification: what its labels are; absent in records of earlier versions, which knew single ones alone. */
  labels?: LabelKind | undefined;
  status: RunStatus;
  pid: number;
  /** Local socket (or named pipe) on which the runner answers JSON-RPC, while it runs. */
  socket?: string | undefined;
  /** What computes; what was asked for, until that is decided. */
  engine: string;
  /** Why that, where the experiment left it open. */
  engineReason?: string | undefined;
  device: string;
  /** Where it is trained over ssh, if not on this machine. */
  host?: RunHost | undefined;
  /** While it is trained by one. */
  slurm?: SlurmJob | undefined;
  started: string;
  ended?: string | undefined;
  error: RunErrorRecord | null;
  sweep?: SweepMember | undefined;
  teacherPrecision?: TeacherPrecisionRecord | undefined;
  memory?: MemoryRecord | undefined;
  /** In the order in which they were raised. */
  alerts?: AlertRecord[] | undefined;
  progress?: RunProgress | undefined;
  /** While it is queued and somebody is before it. */
  waiting?: WaitingRecord | undefined;
  summary?: Comparison | undefined;
}
