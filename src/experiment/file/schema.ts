/** @file The experiment file: one source for its types, its defaults and the JSON Schema that editors complete and hover from. */

// The namespace, not `{ z }`: bundlers then leave zod's forty languages out of the extension (350 KB).
import * as z from 'zod';
import { usualSeparator } from '../../dataset/dataset';
import { familyNames, layoutOf } from '../../model/layouts/families';
import { defaultDivergence, divergenceFacts, divergenceNames, positionOrders } from '../../protocol/divergences';
import {
  attentionLossKinds,
  blockRules,
  hiddenLossKinds,
  type ImitationName,
  vectorKinds,
} from '../../protocol/imitation';
import { engineNames, momentFormats, precisions, teacherPrecisions } from '../../protocol/engines';
import {
  rendezvousPattern,
  torchrunDraws,
  torchrunEngine,
  launchers,
  torchrunStrategies,
} from '../../protocol/torchrun';
import { labelKinds, studyKinds, tasks } from '../../protocol/records';
import { PROPOSED_MEGABYTES, studentPresets } from '../../protocol/student-presets';

/** What is done for each of them must end: far above what anybody trains. */
const MOST_LAYERS = 1000;
const MOST_WIDTH = 2 ** 20;

const count = (description: string, most = MOST_WIDTH) => z.int().min(1).max(most).describe(description);

/** zod measures whatever has a length: also an object of JSON with a key of that name, and whatever is under it. */
const measured: object = {
  when: ({ value }: { value: unknown }) => typeof value === 'string' || Array.isArray(value),
};
/** Not empty. */
const text = (most = Infinity) => {
  const given = z.string().check(z.minLength(1, measured));
  return most < Infinity ? given.check(z.maxLength(most, measured)) : given;
};
const some = <Item extends z.ZodType>(item: Item, most = Infinity) => {
  const given = z.array(item).check(z.minLength(1, measured));
  return most < Infinity ? given.check(z.maxLength(most, measured)) : given;
};
const path = (description: string) => text().describe(description);
/** Of a model: `experiment/checks/locate-model` finds it. */
const modelPath = (description: string) =>
  path(
    `${description} Or a model of Hugging Face, "org/name", "org/name@revision" or "org/name/FILE.gguf", that is in its cache here; or an installed one, "minilm" or "smollm2".`,
  );
const paths = (description: string, examples: unknown[]) =>
  z.union([text(), some(text())]).meta({ description, examples });

/** Training rows by which a wider teacher's units are judged, where an experiment does not say. Minitron took 1,024 (Muralidharan et al., 2024). */
export const CALIBRATION_ROWS = 256;

const seed = z.int().min(0).max(0xffffffff);

/** What a label is to follow, of a teacher behind a server. */
export const usualPrompt = '{text}\nLabel:';

const datasetSchema = z
  .strictObject({
    train: paths(
      'Training rows: a .jsonl, .csv, .tsv, .parquet or .txt file, a glob such as "data/train-*.jsonl", or a list of them. Paths are relative to this file.',
      ['data/train.jsonl'],
    ),
    validation: z
      .union([z.number().gt(0).lt(1), text(), some(text())])
      .optional()
      .meta({
        description:
          'Rows that choose the best checkpoint: files, or a fraction of the training rows to hold out. Left out, a tenth is held out, at most 10,000 rows.',
        examples: ['data/validation.jsonl', 0.1],
      }),
    test: paths('Rows that are read once, for the final comparison. Left out, the comparison uses validation.', [
      'data/test.jsonl',
    ]).optional(),
    unlabelled: paths(
      'text-classification: texts without labels, which only the teacher judges. The student learns its soft labels on them; the student loss and the control see labelled rows alone.',
      ['data/more.jsonl'],
    ).optional(),
    trainRows: count(
      'At most so many of the labelled training rows, drawn once: those of a smaller number are among those of a larger one. There are as many updates as with all. All if left out.',
    ).optional(),
    unlabelledRows: z
      .int()
      .min(0)
      .optional()
      .describe('At most so many of the rows without labels, drawn likewise; 0 leaves them out. All if left out.'),
    textColumn: text().default('text').describe('Column (JSON key) that holds the text.'),
    pairColumn: text()
      .optional()
      .describe('text-classification of two texts: the column of the second, for example "hypothesis".'),
    labelColumn: text().default('label').describe('text-classification: the column of the class.'),
    labels: z
      .enum(labelKinds)
      .optional()
      .describe(
        'text-classification: what labelColumn holds. "single": one class. "multiple": names of all labels that apply, a list or one text with labelSeparator between them; [] where none applies. "regression": a number. Left out, it is seen from the training rows: lists are several labels, numbers that are not all whole a regression.',
      ),
    labelSeparator: text()
      .optional()
      .meta({
        description: `labels "multiple": what stands between the names in one text, as in a cell of a CSV file; "${usualSeparator}" if left out. The separator alone says that no label applies; an empty cell, that the row has no label.`,
        examples: [';'],
      }),
    promptColumn: text()
      .optional()
      .describe('causal-lm: the column of a prompt that conditions the completion and is counted in no loss.'),
    completionColumn: text()
      .optional()
      .describe(
        'causal-lm: the column of the completion that is learnt. Goes with promptColumn, in place of textColumn.',
      ),
    chatTemplate: z
      .boolean()
      .default(false)
      .describe(
        "causal-lm with promptColumn and completionColumn: whether each row is written by the tokenizer's own chat template, the prompt as a user's message and the completion as the assistant's answer.",
      ),
    maxLength: z
      .int()
      .min(4)
      .default(128)
      .describe('Longest example in tokens, special tokens included; longer texts are cut.'),
  })
  .meta({
    description: 'The rows to train on and to judge by.',
    examples: [{ train: 'data/train.jsonl', validation: 'data/validation.jsonl' }],
  });

const architectureSchema = z
  .strictObject({
    family: z
      .enum(familyNames)
      .describe(familyNames.map((family) => `"${family}": ${layoutOf(family).summary}.`).join(' ')),
    hiddenSize: count('Width of the hidden states. `heads` must divide it.'),
    layers: count('Number of transformer blocks.', MOST_LAYERS),
    heads: count('Attention heads in a block.'),
    keyValueHeads: count(
      'Heads of keys and values, each shared by equally many of `heads` (grouped-query attention); not of every family. As many as `heads` if left out.',
    ).optional(),
    intermediateSize: count(
      "Width of the feed-forward layer. If left out four times hiddenSize, or 8/3 of it, rounded up to a multiple of 32, where that layer is gated (Llama and its descendants; 3/2 of it in ModernBERT). Of a student that starts from its teacher, as large a share of the teacher's as hiddenSize is.",
    ).optional(),
    maxPositions: count(
      'Longest sequence that the model has positions for, in tokens. maxLength if left out.',
    ).optional(),
  })
  .meta({
    description: 'Shape of the transformer.',
    examples: [{ family: 'bert', hiddenSize: 128, layers: 2, heads: 4 }],
  });

const trainingSchema = z
  .strictObject({
    epochs: z.int().min(1).default(3).describe('Passes over the training rows.'),
    batchSize: z.int().min(1).default(16).describe('Rows in a batch.'),
    groupByLength: z
      .union([z.literal('auto'), z.boolean()])
      .default('auto')
      .meta({
        description:
          'Whether rows of like length share a batch, which saves padding but lets length, and what goes with it, decide which rows meet. "auto": within shuffled windows of at least 50 updates, and not at all where there are fewer. true: over the whole epoch. false: never.',
        examples: ['auto', false],
      }),
    pack: z
      .boolean()
      .default(false)
      .describe(
        'Whether short rows share one row of a batch, each seeing itself alone, with its positions from 0: little is padding then, and "auto" groups no rows by length. The losses are the same; with dropout its draws are others.',
      ),
    gradientAccumulation: z
      .int()
      .min(1)
      .default(1)
      .describe('Batches whose gradients make one update. The loss is the mean over all of them.'),
    optimizer: z.enum(['adamw']).default('adamw').describe('AdamW: Adam with decoupled weight decay.'),
    learningRate: z.number().gt(0).default(5e-4).describe('Largest learning rate, reached at the end of the warm-up.'),
    schedule: z
      .enum(['linear', 'cosine'])
      .default('cosine')
      .describe('How the learning rate falls to minLearningRateRatio after the warm-up.'),
    minLearningRateRatio: z
      .number()
      .min(0)
      .max(1)
      .default(0)
      .describe('Part of learningRate that it falls to after the last update; 0.1 leaves a tenth of it.'),
    warmup: z
      .number()
      .min(0)
      .default(0.1)
      .describe('Warm-up: below 1 a fraction of all updates, from 1 on a number of updates.'),
    weightDecay: z.number().min(0).default(0.01).describe('Decoupled weight decay.'),
    decayBiasAndNorm: z.boolean().default(false).describe('Whether biases and norm weights decay too.'),
    layerDecay: z
      .number()
      .gt(0)
      .max(1)
      .default(1)
      .describe(
        'The learning rate of a block over that of the one above it, down to the embeddings; 1: all learn alike. For models that were trained before: 0.8 to 0.95.',
      ),
    frozenBlocks: z
      .int()
      .min(0)
      .default(0)
      .describe(
        'So many of the lowest blocks stay as they were, with the embeddings below them; where that is all of them, the head alone learns. 0: none.',
      ),
    clipNorm: z.number().min(0).default(1).describe('Largest global gradient norm; 0 does not clip.'),
    moments: z
      .enum(momentFormats)
      .default('float32')
      .describe(
        'How the optimizer\'s two moments are kept between updates. "bfloat16" takes half their memory, a quarter of what training takes of a model\'s size, on the engine "openvino"; updates compute in float32 either way.',
      ),
    dropout: z.number().min(0).lt(1).default(0.1).describe('Dropout rate of the trained model.'),
    onDivergence: z
      .enum(['stop', 'lower-rate'])
      .default('stop')
      .describe(
        'Where a loss or a gradient is no finite number. "stop": the run fails there. "lower-rate": it goes back to the last checkpoint and on with half the learning rate, at most eight times; a run that is stopped then goes on from that checkpoint too.',
      ),
    seed: seed.default(1).describe('Seed of the initial weights, the order of rows, masks and dropout.'),
    evaluateEvery: z.int().min(1).default(100).describe('Updates between two evaluations on validation.'),
    patience: count(
      "Evaluations in a row without a better one, by the task's metric on validation, after which the training ends. Left out, it makes all its updates. The best checkpoint is kept either way.",
    )
      .meta({ examples: [3] })
      .optional(),
    checkpointEvery: z
      .int()
      .min(1)
      .default(200)
      .describe('Updates between two checkpoints that a run can be resumed from.'),
  })
  .describe('How the weights are trained.');

const keptTokens = z
  .enum(['all', 'used'])
  .optional()
  .describe(
    'Which of its tokens the student has. "used": those that the texts of the dataset are made of, special ones, and the characters or bytes that any text can be made of; the student\'s embeddings are as much smaller. The teacher is asked with the same tokens, a language model for its distribution among them. All if left out.',
  );

const tokenizerSchema = z
  .discriminatedUnion('source', [
    z.strictObject({ source: z.literal('teacher'), tokens: keptTokens }).describe("The teacher's own tokenizer."),
    z.strictObject({
      source: z.literal('path'),
      path: modelPath('Folder that holds a tokenizer.json, or GGUF file.'),
      tokens: keptTokens,
    }),
    z
      .strictObject({
        source: z.literal('train'),
        kind: z.enum(['bpe', 'wordpiece']).describe('"bpe": byte-level, as GPT-2. "wordpiece": lower-cased, as BERT.'),
        vocabularySize: z
          .int()
          .min(300)
          .max(1_000_000)
          .meta({ description: 'Largest number of tokens.', examples: [2048] }),
      })
      .describe('A tokenizer learnt from the training rows.'),
  ])
  .describe('Where the tokenizer comes from. Teacher and student share it.');

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

/** Of a checkpoint that is fine-tuned first. */
const fineTuningSchema = trainingSchema
  .extend({
    learningRate: z
      .number()
      .gt(0)
      .default(5e-5)
      .describe('Largest learning rate, reached at the end of the warm-up. Pretrained weights want a small one.'),
  })
  .describe(
    'Fine-tunes the model on the hard labels of the same rows first. It gets a new head where its own predicts something else.',
  )
  .optional();

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

const teacherSchema = z
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

const studentSchema = z
  .strictObject({
    preset: z
      .union([
        z.enum(studentPresets),
        z.strictObject({
          megabytes: z
            .number()
            .gt(0)
            .meta({
              description: 'At most so much of weights on disk (10⁶ bytes, in float32).',
              examples: [PROPOSED_MEGABYTES],
            }),
        }),
      ])
      .optional()
      .meta({
        description:
          'A student by how much smaller than the teacher it is, in place of architecture and initialize. "half-blocks", "third-blocks": so many of the teacher\'s blocks, spread evenly. "quarter-parameters", { "megabytes": 20 }: narrower and shallower by like shares, from the teacher\'s most important heads, units and dimensions (of an ensemble from random weights). `distillery student FILE` says what each comes to; the run records its sizes.',
        examples: ['half-blocks', { megabytes: PROPOSED_MEGABYTES }],
      }),
    architecture: architectureSchema.optional(),
    initialize: z
      .discriminatedUnion('from', [
        z.strictObject({ from: z.literal('random') }).describe('Random weights, drawn with the seed.'),
        z
          .strictObject({
            from: z.literal('teacher'),
            layers: some(z.int().min(0))
              .optional()
              .meta({
                description:
                  "One of the teacher's blocks, counted from 0, for each of the student's. Spread evenly if left out.",
                examples: [[0, 3]],
              }),
            calibrationRows: count(
              `Where the student is narrower than its teacher: so many of the training rows decide which heads, MLP units and dimensions are the most important and stay. ${CALIBRATION_ROWS} if left out.`,
            )
              .meta({ examples: [CALIBRATION_ROWS] })
              .optional(),
          })
          .describe(
            "The teacher's embeddings and some of its blocks. Where the student has fewer heads or a smaller hiddenSize or intermediateSize, the most important of each are kept.",
          ),
        z
          .strictObject({
            from: z.literal('checkpoint'),
            path: modelPath('Folder in Hugging Face layout, or GGUF file.'),
          })
          .describe(
            'The weights of a folder, which then also names the architecture. It gets a new head where its own predicts something else.',
          ),
      ])
      .default({ from: 'random' })
      .describe('Weights that the student starts from.'),
  })
  .meta({
    description: 'The small model that learns.',
    examples: [{ architecture: { family: 'bert', hiddenSize: 128, layers: 2, heads: 4 } }],
  });

const scheduleOver = (end: z.ZodNumber) =>
  z
    .strictObject({
      from: end.describe('Value at the first update.'),
      to: end.describe('Value at the last update.'),
      schedule: z.enum(['linear']).default('linear').describe('How the value goes from one to the other.'),
    })
    .describe('A value that changes during training.');

/** Far above any T in use. T² enlarges the rounding of float32, which at 1,000 reaches the size of the loss itself. */
const temperature = z.number().gt(0).max(100);

const betaDescription = divergenceNames
  .flatMap((name) => (divergenceFacts[name].beta === undefined ? [] : [`${name} only: ${divergenceFacts[name].beta}.`]))
  .join(' ');

/** [teacher block, student block], counted from 0. */
const blockPair = z.tuple([z.int().min(0), z.int().min(0)]).meta({ examples: [[1, 0]] });

const comparedBlocks = z
  .union([some(blockPair), z.enum(blockRules)])
  .describe(
    'Pairs [teacher block, student block], counted from 0. "uniform": each block of the student with one of the teacher, at even distances up to the last (TinyBERT). "last": the last of both (MiniLM).',
  );

const insideWeight = z.number().gt(0).describe('Weight of this loss in the total.');

/** Each imitates something inside the teacher. */
const imitationSchemas = {
  hidden: z
    .strictObject({
      loss: z.enum(hiddenLossKinds).default('mse').describe('How hidden states are compared.'),
      layers: some(blockPair).meta({
        description: 'Pairs [teacher block, student block], counted from 0; the output of each is compared.',
        examples: [
          [
            [1, 0],
            [3, 1],
          ],
        ],
      }),
      weight: insideWeight.default(0.1),
    })
    .optional()
    .describe('Also imitate hidden states. Where widths differ, a projection is learnt.'),
  attention: z
    .strictObject({
      loss: z
        .enum(attentionLossKinds)
        .default('mse')
        .describe(
          '"mse": the scores before the softmax, as TinyBERT compares them; mean over what real tokens see, and over heads. "ce": the cross-entropy of the distributions after it, whose gradient is MiniLM\'s; mean over tokens and heads. It is the entropy of the teacher\'s where both are the same, and not 0.',
        ),
      layers: comparedBlocks.meta({ examples: ['uniform', 'last', [[3, 1]]] }),
      weight: insideWeight.default(0.1),
    })
    .optional()
    .meta({
      description:
        "Also imitate what the teacher's attention looks at. Teacher and student have as many heads; the student may share keys and values among more or fewer of them.",
      examples: [{ loss: 'mse', layers: 'uniform', weight: 0.1 }],
    }),
  relations: z
    .strictObject({
      of: some(z.enum(vectorKinds))
        .default([...vectorKinds])
        .describe(
          "Of which vectors of each token relations are compared: as a block's projections give them, all heads beside each other, before rotary positions. The loss is their sum.",
        ),
      heads: count(
        "Relation heads, into which those vectors are divided anew; they divide the width of each, in both models. As many as the student's attention heads if left out.",
      ).optional(),
      layers: comparedBlocks.meta({ examples: ['last', 'uniform', [[5, 1]]] }),
      weight: insideWeight.default(1),
    })
    .optional()
    .meta({
      description:
        "Also imitate relations between tokens (MiniLMv2): the KL between the softmax of scaled dot products of the teacher's queries, keys or values and the student's, over what a token sees; mean over relation heads and real tokens. Widths and numbers of heads may differ.",
      examples: [{ of: ['queries', 'keys', 'values'], heads: 12, layers: 'last', weight: 1 }],
    }),
} satisfies Record<ImitationName, z.ZodType>;

const distillationSchema = z
  .strictObject({
    temperature: z
      .union([temperature, scheduleOver(temperature)])
      .default(4)
      .meta({
        description:
          "Divides both models' logits before softmax. Above 1 the distributions widen and show which other tokens are similar to the right one.",
        examples: [4, { from: 8, to: 2, schedule: 'linear' }],
      }),
    alpha: z
      .union([z.number().min(0).max(1), scheduleOver(z.number().min(0).max(1))])
      .default(0.7)
      .meta({
        description: 'loss = alpha · distillation loss + (1 − alpha) · student loss.',
        examples: [0.7, { from: 1, to: 0.5, schedule: 'linear' }],
      }),
    divergence: z
      .enum(divergenceNames)
      .default(defaultDivergence)
      .describe(
        'How soft predictions are compared with soft labels. Labels of which several may apply are compared each by itself, numbers by their squared difference alone (mse-logits).',
      ),
    beta: z.number().min(0).max(1).default(0.5).describe(betaDescription),
    scaleByTemperatureSquared: z
      .boolean()
      .default(true)
      .describe(
        "Multiplies the distillation loss by T², which keeps its gradient's size roughly constant in T. Not mse-logits and cosine-logits, which T does not enter.",
      ),
    ...imitationSchemas,
    sequenceLevel: z
      .boolean()
      .optional()
      .describe(
        "causal-lm with prompts: the student learns from what the teacher writes after the training rows' prompts, in place of their completions. A control learns from the rows as they are. A server writes by itself where it gives log-probabilities of nothing else.",
      ),
    onPolicy: z
      .strictObject({
        fraction: z
          .number()
          .min(0)
          .max(1)
          .default(0.5)
          .describe('Probability that a step is on what the student writes, and not on the rows.'),
        maxNewTokens: z
          .int()
          .min(1)
          .default(64)
          .describe('Most tokens that the student writes after a prompt; with it they are no more than maxLength.'),
        temperature: z
          .number()
          .gt(0)
          .max(100)
          .default(1)
          .describe("Divides the student's logits before it samples from them; 1: as it predicts."),
      })
      .optional()
      .meta({
        description:
          "causal-lm: in some steps the student writes on from the rows' prompts, or from the first half of rows without one, and learns from what the teacher says of that (on-policy distillation, GKD): alpha · distillation loss on the tokens that it wrote.",
        examples: [{ fraction: 0.5, maxNewTokens: 64 }],
      }),
    positions: z
      .strictObject({
        fraction: z
          .number()
          .gt(0)
          .max(1)
          .default(0.2)
          .describe("Part of each row's counted positions, rounded; at least one of each row."),
        by: z
          .enum(positionOrders)
          .default('student-entropy')
          .describe(
            'Whose predictions are to be the least sure (entropy at T = 1). "teacher-entropy" is kept with the teacher\'s answers; "student-entropy" takes one more forward pass of the student in each step. "random" draws others in each step, so that all have their turn.',
          ),
      })
      .optional()
      .meta({
        description:
          'causal-lm and masked-lm: the distillation loss counts some of the positions alone. With alpha = 1 nothing else is predicted, and a step takes less time; below that the student loss still counts all.',
        examples: [{ fraction: 0.2, by: 'student-entropy' }],
      }),
  })
  .describe('How the student imitates the teacher.');

/** A word of a scheduler's options: nothing that a shell or a comment reads as more. */
const schedulerWord = z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9_.,-]*$/);

/** RFC 1123's label, as Kubernetes names things. */
const clusterName = z.string().regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/);

export const torchrunSchema = z
  .strictObject({
    where: z
      .enum(launchers)
      .default('local')
      .describe(
        '"local": on this machine. "ssh": on hosts that are named when the run is started (--on), never by this file. "slurm": as a job of the Slurm cluster that this machine belongs to. "kubernetes": as a manifest that export writes.',
      ),
    processes: z
      .union([z.literal('auto'), z.int().min(1).max(1024)])
      .default('auto')
      .meta({
        description:
          'Processes of each host, which share each batch. "auto": one a GPU, or one on the processor. Their number changes no result but by rounding.',
        examples: ['auto', 2],
      }),
    hosts: z
      .int()
      .min(1)
      .max(4096)
      .default(1)
      .describe(
        'How many hosts share each batch, with as many processes each. Over ssh each has a folder of its own (--on HOST,HOST); elsewhere they have one in common.',
      ),
    rendezvous: z
      .string()
      .regex(rendezvousPattern)
      .optional()
      .meta({
        description:
          'Where the hosts meet, HOST:PORT, on one of them; over ssh the first that is named. If left out: the first host, with a port of its own.',
        examples: ['node-1.example:29400'],
      }),
    devices: z
      .string()
      .optional()
      .meta({
        description:
          'What each host has, where that is not this machine: plan counts with it, and "auto" is chosen for it.',
        examples: ['8xH100'],
      }),
    slurm: z
      .strictObject({
        partition: schedulerWord.optional().describe('Partition of the cluster.'),
        account: schedulerWord.optional().describe('Account that the time is charged to.'),
        qos: schedulerWord.optional().describe('Quality of service.'),
        time: z
          .string()
          .regex(/^\d{1,4}(?:-\d{1,2}(?::\d{2}){0,2}|(?::\d{2}){0,2})$/)
          .optional()
          .meta({
            description: 'Most time of the job, as sbatch reads it. It saves and begins again where that is over.',
            examples: ['2-00:00:00'],
          }),
      })
      .optional()
      .describe('What its job asks the scheduler for.'),
    kubernetes: z
      .strictObject({
        image: z
          .string()
          .regex(/^[a-z0-9][a-zA-Z0-9._/:@-]*$/)
          .default('pytorch/pytorch:latest')
          .describe('Image of a container with Python, PyTorch and safetensors.'),
        claim: clusterName
          .default('distillery')
          .describe('PersistentVolumeClaim that has the exported folder, mounted by all.'),
        namespace: clusterName.optional().describe('Namespace of the job.'),
      })
      .optional()
      .describe('What its manifest names.'),
    strategy: z
      .enum(torchrunStrategies)
      .default('auto')
      .describe(
        '"ddp": each process has the whole student. "fsdp": its parameters, gradients and moments are divided among them. "auto": what plan would choose.',
      ),
    dropout: z
      .enum(torchrunDraws)
      .default('device')
      .describe(
        '"device": PyTorch draws dropout masks where it computes. "exact": those of the other engines to the last bit, drawn one after the other, which is slow.',
      ),
    activationCheckpointing: z
      .boolean()
      .default(false)
      .describe(
        "Keeps of each of the student's blocks its input alone, and computes it again in the backward pass: less memory, a third more time. No result changes but by rounding.",
      ),
    compile: z
      .boolean()
      .default(false)
      .describe(
        'Has torch.compile make kernels of the blocks: a minute or more at the start, faster steps. On a processor it needs a C++ compiler.',
      ),
    interpreter: text()
      .optional()
      .meta({
        description:
          'The Python with PyTorch, by a name that the system finds. If left out, that of the environment variable DISTILLERY_PYTHON, which may be a path, or python3.',
        examples: ['python3.12'],
      }),
  })
  .describe('How the engine "torchrun" trains.');

/** What a person writes, as this version runs it. */
export const experimentSchema = z
  .strictObject({
    $schema: z.string().optional().describe('Where this schema is; only editors use it.'),
    name: text(200).optional().describe("Name shown for its runs. The file's name if left out."),
    task: z.enum(tasks).describe('What is predicted: a class for each text, the next token, or masked tokens.'),
    dataset: datasetSchema,
    tokenizer: tokenizerSchema.default({ source: 'teacher' }),
    teacher: teacherSchema,
    student: studentSchema,
    distillation: distillationSchema.prefault({}),
    training: trainingSchema.prefault({}),
    controls: z
      .array(z.enum(['no-distillation']))
      .default(['no-distillation'])
      .meta({
        description:
          'Further students to compare with. "no-distillation" trains the same student on hard labels alone, so that one sees whether distillation helped; [] leaves it out.',
        examples: [['no-distillation']],
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
export type Experiment = z.infer<typeof experimentSchema>;
export type ResolvedExperiment = z.infer<typeof resolvedExperimentSchema>;
export type InputFile = z.infer<typeof inputFileSchema>;
export type ArchitectureSpec = z.infer<typeof architectureSchema>;
export type TrainingSpec = z.infer<typeof trainingSchema>;
export type TokenizerSpec = z.infer<typeof tokenizerSchema>;
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
type DistillationSpec = z.infer<typeof distillationSchema>;
/** A constant, or a value that goes from one to another over the updates. */
export type Scheduled = DistillationSpec['temperature'];

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
