/** @file What must be right in the files of a run directory for them to be read at all. */

import * as z from 'zod';
import { roles, runStatuses, tasks, studyKinds } from '../protocol/records';

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

/** What every view relies on in `run.json`; the rest is kept as it is. */
export const runRecordSchema = z.looseObject({
  name: z.string(),
  task: z.enum(tasks),
  status: z.enum(runStatuses),
  pid: z.number(),
  engine: z.string(),
  device: z.string(),
  started: z.string(),
  error: z.looseObject({ message: z.string() }).nullable(),
  alerts: z
    .array(z.looseObject({ message: z.string(), step: z.number(), role: z.enum(roles), name: z.string() }))
    .optional(),
});
