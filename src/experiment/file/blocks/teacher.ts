/** @file The experiment file's `teacher`: a single model by where it comes from, or several. */

import * as z from 'zod';
import { teacherPrecisions } from '../../../protocol/engines';
import { usualPrompt } from '../../endpoint';
import { architectureSchema } from './architecture';
import { fineTuningSchema, trainingSchema, type TrainingSpec } from './training';
import { count, measured, modelPath, path, some, text } from './values';

const teacherCache = z
  .union([
    z.boolean(),
    z
      .strictObject({
        values: z
          .enum(['auto', 'float32', 'float16'])
          .default('auto')
          .describe(
            '"auto": soft labels exactly, and hidden states that are imitated in float16, which changes their loss by less than a ten-thousandth. "float32": all exactly. "float16": all in half the space; the run reports what the rounding costs.',
          ),
        logits: z
          .union([
            z.literal('all'),
            z.strictObject({
              top: count('The most probable so many of each position, and what all others have together.', 4096).meta({
                examples: [64],
              }),
            }),
            z.strictObject({
              sample: count(
                'So many of each position are drawn by their probabilities, as often as they come: without a bias, at temperature 1, by the forward KL.',
                4096,
              ).meta({ examples: [12] }),
            }),
          ])
          .default('all')
          .meta({
            description:
              'Of a language model: which tokens of each position are kept, and learnt from. { "top": 64 }: the most probable, and what all others have together; the run reports what that costs. { "sample": 12 }: drawn by their probabilities. Both take a small part of the space, and a step no longer computes the teacher\'s logits. "all" keeps what all logits are made of, exactly.',
            examples: ['all', { top: 64 }, { sample: 12 }],
          }),
        maxGigabytes: z
          .number()
          .gt(0)
          .default(20)
          .describe('Where more than this (10⁹ bytes) would be needed, the teacher is asked in every step instead.'),
      })
      .describe('How the answers are kept.'),
  ])
  .default(true)
  .meta({
    description:
      'Ask the frozen teacher about each training row once and keep its answers in .distillery/cache/teacher, for all epochs and all later runs with the same teacher and rows. masked-lm hides other tokens in every epoch, so there the teacher is always asked.',
    examples: [true, { values: 'float16' }],
  });

const teacherPrecision = z
  .enum(teacherPrecisions)
  .default('float32')
  .describe(
    'Number format of the frozen teacher\'s products. "int8": faster on the engine "cpu". "float16": on the engine "webgpu", where the GPU computes in it. The run reports how far its soft labels are from the exact ones.',
  );

const memberSchema = z.discriminatedUnion('source', [
  z
    .strictObject({
      source: z.literal('checkpoint'),
      path: modelPath('Folder in Hugging Face layout or GGUF file, with the tokenizer that all members share.'),
      training: fineTuningSchema,
    })
    .describe('A model that is already fine-tuned, or with `training` a pretrained one.'),
  z
    .strictObject({
      source: z.literal('train'),
      architecture: architectureSchema,
      training: trainingSchema.prefault({}),
      seeds: count('So many models of this architecture, with training.seed and the seeds after it.')
        .max(64)
        .meta({ examples: [3] })
        .optional(),
    })
    .describe('A model that is first trained here, or several.'),
  z
    .strictObject({
      source: z.literal('run'),
      run: text().describe('Name of an earlier run in .distillery/runs, or the path of its folder.'),
      role: z.enum(['teacher', 'student']).default('teacher').describe('Which model of that run.'),
    })
    .describe('A model of an earlier run.'),
  z
    .strictObject({
      source: z.literal('onnx'),
      path: path('An .onnx file with logits, or a folder with a model.onnx, as for a single teacher.'),
    })
    .describe(
      "An exported model. With one among its members, an ensemble of language models hands on logits over the vocabulary in place of its members' hidden states.",
    ),
]);

export const teacherSchema = z
  .discriminatedUnion('source', [
    z
      .strictObject({
        source: z.literal('checkpoint'),
        path: modelPath(
          'Folder in Hugging Face layout: config.json, model.safetensors and, for its tokenizer, tokenizer.json. Or a GGUF file.',
        ),
        training: fineTuningSchema,
        cache: teacherCache,
        precision: teacherPrecision,
      })
      .describe('A model that is already fine-tuned, or with `training` a pretrained one.'),
    z
      .strictObject({
        source: z.literal('train'),
        architecture: architectureSchema,
        training: trainingSchema.prefault({}),
        cache: teacherCache,
        precision: teacherPrecision,
      })
      .describe('A model that is first trained here, on the hard labels of the same rows.'),
    z
      .strictObject({
        source: z.literal('run'),
        run: text().describe('Name of an earlier run in .distillery/runs, or the path of its folder.'),
        role: z.enum(['teacher', 'student']).default('teacher').describe('Which model of that run.'),
        cache: teacherCache,
        precision: teacherPrecision,
      })
      .describe('A model of an earlier run.'),
    z
      .strictObject({
        source: z.literal('onnx'),
        path: path(
          'An .onnx file of a classifier or a language model, as optimum and torch.onnx export them, or a folder with a model.onnx. Its tokenizer.json, and a config.json that names its classes, lie beside it.',
        ),
        cache: teacherCache,
        precision: z.literal('float32').default('float32').describe('An ONNX file is asked as it is.'),
      })
      .describe(
        'An exported model with logits. onnxruntime runs it on the processor; nothing else of it can be imitated.',
      ),
    z
      .strictObject({
        source: z.literal('endpoint'),
        url: z
          .url({ protocol: /^https?$/ })
          .describe('Address of an OpenAI-compatible server, up to the part before "/completions".')
          .meta({ examples: ['http://localhost:8000/v1'] }),
        model: text(500).describe('The model, as the server calls it.'),
        topLogprobs: count(
          'Most probable tokens of a position whose log-probabilities are asked for; servers allow 5 to 20 unless they are told otherwise. What all others have together is known from these.',
          1000,
        ).default(20),
        prompt: z
          .string()
          .check(z.maxLength(20_000, measured))
          .regex(/\{text\}/)
          .optional()
          .meta({
            description: `text-classification: what the model is to continue with a label, {text} standing for a row's text and {pair} for its second. "${usualPrompt}" if left out, with the second below the first.`,
            examples: ['Review: {text}\nSentiment:'],
          }),
        verbalizers: z
          .record(z.string(), text(1000))
          .optional()
          .meta({
            description:
              'text-classification: the words that stand for each label after the prompt. A space and the label itself where left out.',
            examples: [{ positive: ' good', negative: ' bad' }],
          }),
        concurrency: count('Requests that are under way at once.', 256).default(8),
        timeoutSeconds: z
          .number()
          .gt(0)
          .max(3600)
          .default(120)
          .describe('A request that has no answer after so long is sent again.'),
        cache: z.literal(true).default(true).describe("A server's answers are always kept: nothing is asked twice."),
        precision: z.literal('float32').default('float32').describe('A server computes as it does.'),
      })
      .describe(
        'A model behind an OpenAI-compatible completions server, such as vLLM or llama.cpp. Of its distributions it gives the most probable tokens.',
      ),
    z
      .strictObject({
        source: z.literal('ensemble'),
        teachers: some(memberSchema).meta({
          description:
            'Models that share the tokenizer, and the classes in their order; their families and sizes may differ.',
          examples: [
            [
              { source: 'checkpoint', path: 'models/a' },
              { source: 'checkpoint', path: 'models/b' },
            ],
          ],
        }),
        weights: some(z.number().gt(0))
          .optional()
          .meta({
            description: 'One for each entry of `teachers`, shared by its seeds. All count alike if left out.',
            examples: [[2, 1]],
          }),
        cache: teacherCache,
        precision: z.literal('float32').default('float32').describe('An ensemble is asked in float32.'),
      })
      .describe(
        'Several models as one teacher. Its soft labels are the mean of their softened probabilities, not of their logits.',
      ),
  ])
  .meta({
    description: 'The large model. It is frozen while the student learns.',
    examples: [{ source: 'checkpoint', path: 'models/teacher' }],
  });

export type TeacherSpec = z.infer<typeof teacherSchema>;
export type EnsembleSpec = Extract<TeacherSpec, { source: 'ensemble' }>;
export type OnnxSpec = Extract<TeacherSpec, { source: 'onnx' }>;
export type EndpointSpec = Extract<TeacherSpec, { source: 'endpoint' }>;
/** A model of an ensemble. */
export type MemberSpec = z.infer<typeof memberSchema>;
/** A single model, of an ensemble or as the teacher. */
export type SingleSpec = MemberSpec | OnnxSpec | EndpointSpec;
/** One that the run trains: from random weights, or from a checkpoint's. */
export type TrainedSpec = Extract<MemberSpec, { training?: unknown }> & { training: TrainingSpec };
export type TeacherCacheSpec = TeacherSpec['cache'];
