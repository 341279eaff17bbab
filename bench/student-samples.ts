/** @file What `bench/student.ts` measures: the samples, and on each the sides that take turns. */

import { cpSync } from 'node:fs';
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

const peers: Side[] = [
  { name: `PyTorch, ${asking}`, peer: [] },
  { name: `PyTorch bf16, ${asking}`, peer: ['--bf16'] },
  { name: `PyTorch, ${keeping}`, peer: ['--keep'] },
  { name: `PyTorch bf16, ${keeping}`, peer: ['--keep', '--bf16'] },
];

const openvino = { engine: 'openvino' };
const bf16 = { ...openvino, precision: 'bfloat16' };

/** What makes it quick, one after the other. */
const ours: Side[] = [
  { name: `onnxruntime, ${asking}`, changes: { engine: 'cpu', cache: false } },
  { name: 'onnxruntime', changes: { engine: 'cpu' } },
  { name: 'OpenVINO', changes: openvino },
  { name: 'OpenVINO bf16', changes: bf16 },
  { name: 'OpenVINO bf16, again', changes: bf16, again: true },
  { name: 'OpenVINO bf16, packed', changes: { ...bf16, pack: true } },
];

/**
 * The student starts as the teacher's most important heads, units and dimensions, which one line of the experiment asks for, and one epoch is enough then.
 * The script gets the same weights as a folder, and as many epochs.
 */
const student = { initialize: { from: 'teacher' } };
const oneEpoch: Side[] = [
  { name: `PyTorch, ${keeping}, from our pruned teacher, 1 epoch`, peer: ['--keep'], peerFromTeacher: true },
  {
    name: `PyTorch bf16, ${keeping}, from our pruned teacher, 1 epoch`,
    peer: ['--keep', '--bf16'],
    peerFromTeacher: true,
  },
  { name: 'onnxruntime, from the pruned teacher, 1 epoch', changes: { engine: 'cpu', student } },
  { name: 'OpenVINO bf16, from the pruned teacher, 1 epoch', changes: { ...bf16, student } },
  { name: 'OpenVINO bf16, the same again', changes: { ...bf16, student }, again: true },
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
      { name: 'OpenVINO bf16, 48 tokens kept of each answer', changes: { ...bf16, cache: { logits: { top: 48 } } } },
      { name: 'OpenVINO bf16, alpha 1', changes: { ...bf16, distillation: { alpha: 1 } } },
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
      ...peers.filter((_, i) => i !== 2),
      { name: 'OpenVINO bf16', changes: bf16 },
      { name: 'OpenVINO bf16, again', changes: bf16, again: true },
    ],
  },
];
