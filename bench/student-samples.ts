/** @file What `bench/student.ts` measures: the samples, and on each the sides that take turns. */

import { cpSync } from 'node:fs';
import { computesBfloat16 } from './processor';
import { makeGpt2 } from './made-gpt2';

export interface Sample {
  name: string;
  file: string;
  title: string;
  /** What the table says before its rows. */
  about?: string;
  /** Of validation. All but macroF1 are better where they are less. */
  metric: 'macroF1' | 'loss' | 'teacherKl';
  /** Puts the experiment and all that it names into an empty folder. */
  make: (folder: string) => Promise<void> | void;
  sides: readonly Side[];
}

export interface Side {
  name: string;
  /** What PyTorch's script is told. */
  peer?: readonly string[];
  /** Not as the experiment says but with the weights that ours starts from where its student starts from its teacher: no script to be measured against. */
  peerFromTeacher?: true;
  /** What the experiment says besides. */
  changes?: Record<string, unknown>;
  /** Fewer than the experiment has, since they are enough. */
  epochs?: number;
  /** In the folder of the side before it, with what that has kept of the teacher. */
  again?: boolean;
}

const asking = 'teacher asked in each step';
const keeping = 'its answers kept by hand';

/** Sides in bfloat16, where the processor computes in it. */
const inBfloat16 = (...sides: Side[]): Side[] => (computesBfloat16() ? sides : []);

const peers: Side[] = [
  { name: `PyTorch, ${asking}`, peer: [] },
  ...inBfloat16({ name: `PyTorch bf16, ${asking}`, peer: ['--bf16'] }),
  { name: `PyTorch, ${keeping}`, peer: ['--keep'] },
  ...inBfloat16({ name: `PyTorch bf16, ${keeping}`, peer: ['--keep', '--bf16'] }),
];

const openvino = { engine: 'openvino' };

/** In bfloat16 where the processor computes in it. */
const quickest = computesBfloat16()
  ? { name: 'OpenVINO bf16', changes: { ...openvino, precision: 'bfloat16' } }
  : { name: 'OpenVINO', changes: openvino };

/** What makes it quick, one after the other. */
const ours: Side[] = [
  { name: `onnxruntime, ${asking}`, changes: { engine: 'cpu', cache: false } },
  { name: 'onnxruntime', changes: { engine: 'cpu' } },
  ...inBfloat16({ name: 'OpenVINO', changes: openvino }),
  quickest,
  { ...quickest, name: `${quickest.name}, again`, again: true },
  { name: `${quickest.name}, packed`, changes: { ...quickest.changes, pack: true } },
];

/**
 * The student starts as the teacher's most important heads, units and dimensions, which one line of the experiment asks for, and one epoch is enough then.
 * The script gets the same weights as a folder, and as many epochs.
 */
const student = { initialize: { from: 'teacher' } };
const oneEpoch: Side[] = [
  { name: `PyTorch, ${keeping}, from our pruned teacher, 1 epoch`, peer: ['--keep'], peerFromTeacher: true },
  ...inBfloat16({
    name: `PyTorch bf16, ${keeping}, from our pruned teacher, 1 epoch`,
    peer: ['--keep', '--bf16'],
    peerFromTeacher: true,
  }),
  { name: 'onnxruntime, from the pruned teacher, 1 epoch', changes: { engine: 'cpu', student } },
  { name: `${quickest.name}, from the pruned teacher, 1 epoch`, changes: { ...quickest.changes, student } },
  { name: `${quickest.name}, the same again`, changes: { ...quickest.changes, student }, again: true },
];
const fromTeacher = oneEpoch.map((side): Side => ({ ...side, epochs: 1 }));

const examples = (folder: string): void => cpSync('examples', folder, { recursive: true });

export const samples: readonly Sample[] = [
  {
    name: 'definitions',
    file: 'definitions.distill.json',
    title: 'Definitions: BERT style, 2.7 million parameters to 0.63 million, 20,500 short rows',
    metric: 'macroF1',
    make: examples,
    sides: [...peers, ...ours, ...fromTeacher],
  },
  {
    name: 'language-model',
    file: 'language-model.distill.json',
    title: 'Language model: GPT-2 style, 2.6 million parameters to 0.62 million, 4,000 short rows',
    metric: 'loss',
    make: examples,
    sides: [
      ...peers,
      ...ours,
      {
        name: `${quickest.name}, 48 tokens kept of each answer`,
        changes: { ...quickest.changes, cache: { logits: { top: 48 } } },
      },
      { name: `${quickest.name}, alpha 1`, changes: { ...quickest.changes, distillation: { alpha: 1 } } },
      ...fromTeacher,
    ],
  },
  {
    name: 'distilgpt2',
    file: 'gpt2.distill.json',
    title: 'GPT-2 → DistilGPT-2: 124 million parameters to 82 million, V 50,257, 80 rows of 128 tokens, 40 steps of 4',
    about: `The weights are made, not learnt: a new GPT-2 whose matrices are three times as large as usual, so that its answers are not all alike. So this
says how soon a student is near its teacher, and nothing of language: the loss is the soft one alone, and quality is the student's KL from the teacher on 8 other rows. On every side
the student starts from six of the twelve blocks, as DistilGPT-2 did. The script keeps its answers in float16, 1 GB for these 80 rows.`,
    metric: 'teacherKl',
    make: makeGpt2,
    sides: [
      // In float32 the script is not asked twice: it takes minutes.
      ...peers.filter(({ name }) => !computesBfloat16() || name !== `PyTorch, ${keeping}`),
      quickest,
      { ...quickest, name: `${quickest.name}, again`, again: true },
    ],
  },
];
