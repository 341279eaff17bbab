/** @file The experiment file: one source for its types, its defaults and the JSON Schema that editors complete and hover from. */

// The namespace, not `{ z }`: bundlers then leave zod's forty languages out of the extension (350 KB).
import * as z from 'zod';
import { controlNames } from '../../protocol/controls';
import { engineNames, precisions } from '../../protocol/engines';
import { labelKinds, splits, studyKinds, tasks, type LabelKind } from '../../protocol/records';
import { torchrunEngine } from '../../protocol/torchrun';
import { architectureSchema } from './blocks/architecture';
import { datasetSchema } from './blocks/dataset';
import { distillationSchema } from './blocks/distillation';
import { studentSchema } from './blocks/student';
import { teacherSchema } from './blocks/teacher';
import { tokenizerSchema } from './blocks/tokenizer';
import { torchrunSchema } from './blocks/torchrun';
import { trainingSchema } from './blocks/training';
import { count, seed, some, text } from './blocks/values';

/** What a person writes, as this version runs it. */
export const experimentSchema = z
  .strictObject({
    $schema: z.string().optional().describe('Where this schema is; only editors use it.'),
    name: text(200).optional().describe("Name shown for its runs. The file's name if left out."),
    task: z
      .enum(tasks)
      .describe(
        'What is predicted: a class for each text, the next token, masked tokens, a class for each word, or an embedding of each text.',
      ),
    dataset: datasetSchema,
    tokenizer: tokenizerSchema.default({ source: 'teacher' }),
    teacher: teacherSchema,
    student: studentSchema,
    distillation: distillationSchema.prefault({}),
    training: trainingSchema.prefault({}),
    controls: z
      .array(z.enum(controlNames))
      .default(['no-distillation'])
      .meta({
        description:
          'Further students to compare with. "no-distillation" trains the same student on hard labels alone, so that one sees whether distillation helped; "label-smoothing" gives a tenth of each hard label to all classes alike, so that one sees how much of that any softer labels would have given. [] leaves them out. sentence-embedding without scores has none: its hard labels are the scores.',
        examples: [['no-distillation'], ['no-distillation', 'label-smoothing']],
      }),
    seeds: z
      .union([z.int().min(1).max(100), some(seed, 100)])
      .optional()
      .meta({
        description:
          'Trains student and controls once for each seed; the teacher is trained and asked once. A number counts from training.seed on; a list takes its place. The comparison then has means, their spread, and an interval over seeds and rows together.',
        examples: [3, [1, 2, 3]],
      }),
    sweep: z
      .record(z.string(), some(z.unknown()))
      .optional()
      .meta({
        description:
          'Values to try one after another, by the dotted path of a setting; a sweep runs every combination. A plain run leaves them aside.',
        examples: [{ 'distillation.temperature': [1, 2, 4, 8] }],
      }),
    precision: z
      .enum(precisions)
      .default('float32')
      .describe(
        'Number format of matrix products. "bfloat16" is faster on processors that have it, with the engine "openvino"; weights, losses and the update stay in float32.',
      ),
    engine: z
      .enum(['auto', ...engineNames, torchrunEngine])
      .default('auto')
      .describe(
        'What computes. "auto" measures once what this machine has and takes the fastest; "cpu" needs nothing installed. "torchrun" trains on PyTorch, on several processes or GPUs.',
      ),
    torchrun: torchrunSchema.optional(),
    threads: count(
      "Threads of an engine on the processor; as many as it has cores if left out. Fewer leave room for other work; another number may change the weights' last bits.",
    )
      .max(1024)
      .optional(),
    priority: z
      .enum(['low', 'normal'])
      .default('low')
      .describe(
        '"low": other programs go first where the processor is short. "normal": the run takes its part like them.',
      ),
  })
  .describe('A knowledge-distillation experiment.');

/** A file that the run read, so that a changed input is noticed. */
const inputFileSchema = z.object({ path: z.string(), bytes: z.number(), sha256: z.string() });

const modelOriginSchema = z.object({
  asked: z.string(),
  path: z.string(),
  id: z.string().optional(),
  commit: z.string().optional(),
  version: z.string().optional(),
});

/** sentence-embedding: which splits have two texts a row, which of them scores, and which scores mean 0 and 1 where they do not stand as they are. */
const pairsSchema = z.object({
  splits: z.array(z.enum(splits)),
  scored: z.array(z.enum(splits)),
  range: z.tuple([z.number(), z.number()]).optional(),
});

export type PairFacts = z.infer<typeof pairsSchema>;

/**
 * The experiment as run (`experiment.json`): still of the experiment file's shape, with every default filled in, paths
 * absolute (in the file, relative to the workspace: `run-directory/experiment-paths.ts`) and globs expanded.
 */
export const resolvedExperimentSchema = experimentSchema.extend({
  file: z.string(),
  name: z.string(),
  dataset: datasetSchema.extend({
    train: z.array(z.string()),
    validation: z.union([z.number(), z.array(z.string())]),
    test: z.array(z.string()).optional(),
    unlabelled: z.array(z.string()).optional(),
    labels: z.enum(labelKinds).optional(),
    pairs: pairsSchema.optional(),
  }),
  student: studentSchema.extend({
    architecture: architectureSchema.required({ intermediateSize: true, maxPositions: true }),
  }),
  inputs: z.array(inputFileSchema),
  /** The models that the file names by an id or by the name of an installed one: which they were. */
  models: z.array(modelOriginSchema).optional(),
  /** All of them, the first of which is `training.seed`; absent where there is one. */
  seeds: z.array(seed).optional(),
  /** Which combination of a sweep this is. */
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

/** The experiment file with its defaults, paths as written. */
export type Experiment = Omit<z.infer<typeof experimentSchema>, 'dataset'> & {
  // Of a run's own all kinds are known.
  dataset: Omit<z.infer<typeof datasetSchema>, 'labels'> & {
    labels?: LabelKind | undefined;
    pairs?: PairFacts | undefined;
  };
};
export type ResolvedExperiment = z.infer<typeof resolvedExperimentSchema>;
export type InputFile = z.infer<typeof inputFileSchema>;

/** The JSON Schema (draft 7, which every editor reads) of what a person writes: keys with a default may be left out. */
export function experimentJsonSchema(): JsonSchema {
  return z.toJSONSchema(experimentSchema, {
    io: 'input',
    target: 'draft-7',
    override: ({ jsonSchema }) => {
      // Of no use to a person: every whole number is below it.
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
    },
  }) as JsonSchema;
}

/** The part of JSON Schema that messages are made from. */
export interface JsonSchema {
  type?: string;
  examples?: unknown[];
  const?: unknown;
  default?: unknown;
  minimum?: number;
  exclusiveMinimum?: number;
  enum?: unknown[];
  properties?: Record<string, JsonSchema>;
  items?: JsonSchema | JsonSchema[];
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  required?: string[];
}
