/** @file The formats that a student is exported in: what command line and editor offer. */

import type { Metrics, Split, Task } from './records';

export interface ExportFormatFacts {
  /** What models it can hold; absent: all. */
  tasks?: readonly Task[];
  /** How its weights may be stored, the usual one first; none: there is no choice. */
  values: readonly string[];
}

/** Those that are written; how is in a file of `runner/export/` for each. */
const exportFormats = {
  huggingface: { values: [] },
  onnx: { values: ['f32', 'int8'] },
  gguf: { tasks: ['causal-lm'], values: ['f16', 'f32', 'q8_0'] },
} as const satisfies Record<string, ExportFormatFacts>;

export type ExportFormat = keyof typeof exportFormats;

export const exportFormatNames = Object.keys(exportFormats) as ExportFormat[];

/** What is written of an experiment and not of its student: everything to train it elsewhere. */
export const experimentFormat = 'torchrun';

export const valuesOfFormat = (format: ExportFormat): readonly string[] => exportFormats[format].values;

/** Whether a format can hold a model of this task. */
export function isFormatFor(format: ExportFormat, task: Task): boolean {
  const { tasks }: ExportFormatFacts = exportFormats[format];
  return tasks?.includes(task) ?? true;
}

/** What it costs a model that its weights are rounded, measured on rows of its run. */
export interface QuantizationCost {
  split: Split;
  rows: number;
  /** Of the files. */
  bytes: { exact: number; rounded: number };
  metrics: { exact: Metrics; rounded: Metrics };
  /** Mean KL(exact ‖ rounded) of a prediction, nats, and the share with the same first choice. */
  meanKl?: number | undefined;
  agreement?: number | undefined;
}

/** What is to be said of a model beside that it was written. */
export interface ExportReport {
  /** For people, a sentence each. */
  notes: readonly string[];
  /** Where its weights were rounded and that was measured. */
  cost?: QuantizationCost | undefined;
}
