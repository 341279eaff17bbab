/** @file Parts of an experiment to begin with, in TextMate's notation. A test puts each into an experiment and checks it. */

export interface Snippet {
  /** Key of the object that it stands in; '' at the top. */
  owner: '' | 'distillation';
  key: string;
  /** What tells it from others with the same key. */
  title: string;
  description: string;
  body: string;
}

const architecture = (hiddenSize: number, layers: number): string =>
  `{ "family": "\${1|bert,gpt2|}", "hiddenSize": \${2:${hiddenSize}}, "layers": \${3:${layers}}, "heads": \${4:4} }`;

export const snippets: readonly Snippet[] = [
  {
    owner: '',
    key: 'teacher',
    title: 'a fine-tuned model',
    description: 'A Hugging Face folder whose model is already fine-tuned.',
    body: '{ "source": "checkpoint", "path": "${1:models/teacher}" }',
  },
  {
    owner: '',
    key: 'teacher',
    title: 'trained here',
    description: 'A model that is first trained on the hard labels of the same rows.',
    body: `{\n  "source": "train",\n  "architecture": ${architecture(192, 4)},\n  "training": { "epochs": \${5:3} }\n}`,
  },
  {
    owner: '',
    key: 'teacher',
    title: 'of an earlier run',
    description: "An earlier run's teacher or student.",
    body: '{ "source": "run", "run": "${1}", "role": "${2|teacher,student|}" }',
  },
  {
    owner: '',
    key: 'student',
    title: 'from random weights',
    description: 'A small model that starts from nothing.',
    body: `{ "architecture": ${architecture(64, 2)} }`,
  },
  {
    owner: '',
    key: 'student',
    title: "from the teacher's blocks",
    description: "The teacher's embeddings and some of its blocks; the widths must be equal.",
    body: `{\n  "architecture": ${architecture(192, 2)},\n  "initialize": { "from": "teacher" }\n}`,
  },
  {
    owner: '',
    key: 'distillation',
    title: 'soft labels',
    description: 'Temperature and the share of the distillation loss.',
    body: '{ "temperature": ${1:4}, "alpha": ${2:0.7} }',
  },
  {
    owner: 'distillation',
    key: 'temperature',
    title: 'falling',
    description: 'Wide distributions first, sharper ones towards the end.',
    body: '{ "from": ${1:8}, "to": ${2:2}, "schedule": "linear" }',
  },
  {
    owner: 'distillation',
    key: 'hidden',
    title: 'imitate hidden states',
    description: 'Pairs [teacher block, student block], counted from 0. Where widths differ, a projection is learnt.',
    body: '{ "layers": [[${1:1}, ${2:0}], [${3:3}, ${4:1}]], "weight": ${5:0.1} }',
  },
];
