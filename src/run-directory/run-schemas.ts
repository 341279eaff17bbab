/** @file What must be right in the files of a run directory for them to be read at all. */

import * as z from 'zod';
import { labelKinds, roles, runStatuses, splits, tasks, studyKinds } from '../protocol/records';
import { hostPattern } from '../protocol/torchrun';

const settingSchema = z.union([z.number(), z.object({ from: z.number(), to: z.number() })]).optional();

/** The little of `experiment.json` that tells a run from others of a list. */
export const originSchema = z.object({
  file: z.string(),
  distillation: z.object({ temperature: settingSchema, alpha: settingSchema }),
});

/** What a list shows of a run whose `run.json` is not there yet. */
export const unstartedSchema = z.object({
  name: z.string(),
  task: z.enum(tasks),
  engine: z.string(),
  sweepMember: z
    .object({
      id: z.string(),
      values: z.record(z.string(), z.unknown()),
      study: z.enum(studyKinds).optional(),
      number: z.number().optional(),
      of: z.number().optional(),
    })
    .optional(),
});

/** JSON has null for a number that was none: readers leave those out. */
const number = z.number().nullish();
const optionalNumber = z.number().optional();
const interval = z.tuple([number, number]);
const metrics = z.record(z.string(), number);

/** What views rely on in the comparison of a run. */
export const comparisonSchema = z.looseObject({
  rows: z.array(
    z.looseObject({
      run: z.string(),
      role: z.enum(roles),
      name: z.string(),
      parameters: number,
      bytes: number,
      latencyMs: number,
      split: z.enum(splits),
      metrics,
      spread: metrics.optional(),
      bySeed: z.array(z.looseObject({ seed: z.number(), metrics })).optional(),
      retention: number,
      intervals: z.record(z.string(), interval).optional(),
      gain: z.looseObject({ value: number, interval }).optional(),
      gapClosed: z.looseObject({ value: number, interval }).optional(),
      calibration: z.array(z.looseObject({ confidence: number, accuracy: number, count: number })).optional(),
    }),
  ),
  seeds: z.array(z.number()).optional(),
  validation: metrics.optional(),
  gain: z.looseObject({ metric: z.string(), mean: number, interval }).optional(),
  classGains: z.array(z.looseObject({ label: z.string(), rows: z.number(), value: number, interval })).optional(),
  resampled: z.looseObject({ rows: z.number(), student: z.array(z.number()), control: z.array(z.number()) }).optional(),
});

/** A line of `predictions.jsonl`, in which a number that was none is absent. */
export const predictionSchema = z.looseObject({
  file: z.string(),
  line: z.number(),
  text: z.string(),
  label: z.union([z.string(), z.array(z.string()), z.number()]).optional(),
  softLabel: z
    .looseObject({
      temperature: z.number(),
      top: z.array(z.looseObject({ choice: z.string(), probability: z.number() })),
    })
    .optional(),
  models: z.record(
    z.string(),
    z.looseObject({
      choice: z.string().optional(),
      probability: optionalNumber,
      choices: z.array(z.looseObject({ choice: z.string(), probability: z.number() })).optional(),
      value: optionalNumber,
      predictions: z.number(),
      correct: optionalNumber,
      negativeLogLikelihood: optionalNumber,
      agreeing: optionalNumber,
      teacherKl: optionalNumber,
    }),
  ),
});

/** `probes/examples.json`. */
export const probeExamplesSchema = z.looseObject({
  task: z.enum(tasks),
  labels: z.enum(labelKinds).optional(),
  temperature: z.number(),
  names: z.array(z.string()),
  examples: z.array(
    z.looseObject({
      text: z.string(),
      file: z.string(),
      line: z.number(),
      tokens: z.array(z.looseObject({ id: z.number(), token: z.string(), start: z.number(), end: z.number() })),
      positions: z.array(
        z.looseObject({
          token: z.number(),
          label: z.number(),
          teacherLabel: optionalNumber,
          labels: z.array(z.number()).optional(),
          value: optionalNumber,
        }),
      ),
      counted: z.array(z.number()).optional(),
      within: z.array(z.number()).optional(),
      paddedLength: optionalNumber,
    }),
  ),
});

/** What every view relies on in `run.json`, beside its comparison; the rest is kept as it is. */
export const runRecordSchema = z.looseObject({
  name: z.string(),
  task: z.enum(tasks),
  labels: z.enum(labelKinds).optional(),
  status: z.enum(runStatuses),
  pid: z.number(),
  engine: z.string(),
  device: z.string(),
  started: z.string(),
  // A folder may be a stranger's: what is no name of a host is none.
  host: z
    .looseObject({
      name: z.string().regex(hostPattern),
      others: z.array(z.string().regex(hostPattern)).optional(),
      lost: z
        .looseObject({ since: z.string(), reason: z.string(), host: z.string().regex(hostPattern).optional() })
        .optional(),
    })
    .optional()
    .catch(undefined),
  slurm: z
    .looseObject({
      job: z.string().regex(/^\d+$/),
      state: z.string().regex(/^[A-Z_]+$/),
      reason: z.string().optional(),
    })
    .optional()
    .catch(undefined),
  error: z.looseObject({ message: z.string() }).nullable(),
  alerts: z
    .array(z.looseObject({ message: z.string(), step: z.number(), role: z.enum(roles), name: z.string() }))
    .optional(),
});
