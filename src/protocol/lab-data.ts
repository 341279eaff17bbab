/** @file What the Lab's page is given of runs. */

import type { Divergence } from './divergences';
import type { BlockPairs, ImitationName } from './imitation';
import type { MetricsColumns } from './metrics-table';
import type { InspectedDistribution, ProbeExample, ProbeExamples, TokenProbability } from './inspection-records';
import type { EvaluationRecord, Metrics, PredictionRecord, Role, RunRecord, Split } from './records';
import type { SamplingParams } from './runner';
import type { Taught } from './taught';

/** The two numbers people name a transformer by. */
export interface ModelShape {
  family: string;
  layers: number;
  hiddenSize: number;
}

/** What the page needs of a run's `experiment.json`. Fields of an absent part are absent. */
export interface ExperimentFacts extends Partial<Record<ImitationName, ImitationFacts | undefined>> {
  student: ModelShape;
  /** Absent where the experiment names a folder whose architecture is not known yet. */
  teacher?: ModelShape | undefined;
  /** Of a teacher behind a server: `MODEL at HOST`. */
  endpoint?: string | undefined;
  /** `forward-kl`, … as in the experiment file. */
  divergence?: Divergence;
  /** Whether the soft component enters the total times T². */
  scaleByTemperatureSquared: boolean;
  clipNorm?: number | undefined;
  /** Learning rate schedule of student and controls: `linear`, `cosine`, … */
  schedule?: string;
  /** That of a teacher that is trained in the run. */
  teacherSchedule?: string | undefined;
  /** Optimizer steps between two evaluations, and so between two probes. */
  evaluateEvery?: number;
  /** Whether teacher and student are language models with different tokenizers, whose distributions are of other tokens. */
  predictsOtherTokens?: boolean | undefined;
}

/** What an imitation loss is set by: its weight in the total, its pairs of blocks, and what enters its note. */
interface ImitationFacts {
  weight: number;
  layers: BlockPairs;
  loss?: string;
  heads?: number | undefined;
}

/**
 * One training within a run, from one folder's `metrics.jsonl` and `evaluations.jsonl`: the student's (whose evaluations may
 * also hold the teacher's: each record's `role` decides), the teacher's where it was fine-tuned here, and each control's.
 */
export interface RunSeries {
  role: Role;
  /** `teacher`, `student`, or the control's name, such as `no-distillation`; of a further seed as `seedSeries` makes it. Unique within a run. */
  name: string;
  /** Of a further seed of a run with several. */
  seed?: number | undefined;
  /** In the order of their steps. */
  metrics: MetricsColumns;
  evaluations: EvaluationRecord[];
}

/** The name of a further seed's training of what is called `name` in the first seed. */
export const seedSeries = (name: string, seed: number): string => `${name}@${seed}`;

/** Everything about a run but its probes. */
export interface RunSnapshot {
  /** Name of the run's folder. */
  id: string;
  record: RunRecord;
  experiment: ExperimentFacts;
  /** Everything that was set, by its path in the experiment: `training.learningRate` → `0.001`. */
  settings: Record<string, string>;
  series: RunSeries[];
}

/** One of the workspace's runs. */
export interface RunListing {
  id: string;
  record: RunRecord;
  /** As the sidebar tells it from others of its experiment: `T 4 · α .7`. */
  label: string;
  /** The student's best validation metrics so far; absent once the summary tells more. */
  best?: Metrics | undefined;
}

/** What `predictions.jsonl` says of the final comparison. */
export interface ComparisonDetail {
  split: Split;
  /** Rows compared. */
  rows: number;
  /** text-classification: rows by hard label and choice, for the model of each name. */
  confusion?: { labels: string[]; counts: Record<string, number[][]> } | undefined;
  /** Where several labels may apply: of each the rows that have it, and what the model of each name made of it. */
  labelScores?: { label: string; rows: number; models: Record<string, LabelScore> }[] | undefined;
  /** Where labels are numbers: of rows the hard label and what the model of each name says. */
  numbers?: Record<string, [label: number, value: number][]> | undefined;
  /** text-classification with a control. */
  taught?: Taught | undefined;
  /** Rows on which teacher and student differ, the most apart first; no more than are good to read. */
  disagreements: PredictionRecord[];
  /** How many there are in all. */
  disagreementCount: number;
}

/** Of one label: rows of which a model said it, and those of them that have it. */
export interface LabelScore {
  said: number;
  right: number;
}

/** A row of the dataset, looked at by the models as they are now. */
export interface InspectedRow {
  example: ProbeExample;
  /** Logits [positions, names]. */
  teacher: Float32Array;
  student: Float32Array;
}

/** A text of the dataset that can be continued. */
export interface PromptRow {
  file: string;
  line: number;
  text: string;
}

/**
 * The pinned examples and the teacher's logits: for example K an array of shape [positions of K, examples.names.length],
 * row by row. `steps` are those for which the student's logits can be asked for, ascending.
 */
export interface ProbeSet {
  examples: ProbeExamples;
  teacher: Float32Array[];
  steps: number[];
}

export type CompletionSide = 'teacher' | 'student' | 'control';

export interface CompletionRequest {
  prompt: string;
  maxNewTokens: number;
  /** Undefined: always the most probable token. */
  sampling: SamplingParams | undefined;
  /** Name of a control that continues the prompt, too. */
  control: string | undefined;
}

/** A token of a completion, and what each model expected in its place, T = 1; absent where there is no such model. */
export interface ScoredToken extends TokenProbability {
  expected: Partial<Record<CompletionSide, InspectedDistribution>>;
}

export interface ScoredCompletion {
  text: string;
  tokens: ScoredToken[];
}

export type ScoredCompletions = Partial<Record<CompletionSide, ScoredCompletion>>;

/** A token more of a side's completion; of what was expected in its place, only the side's own part is known yet. */
export interface CompletionToken {
  side: CompletionSide;
  token: ScoredToken;
  /** The completion so far. */
  text: string;
}
