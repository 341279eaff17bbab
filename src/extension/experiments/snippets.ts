/** @file Parts of an experiment to begin with, in TextMate's notation. A test puts each into an experiment and checks it. */

import { imitationFacts, type ImitationName, imitationNames } from '../../protocol/imitation';

export type SnippetId =
  | 'fineTuned'
  | 'trainedHere'
  | 'earlierRun'
  | 'randomWeights'
  | 'smaller'
  | 'teacherBlocks'
  | 'softLabels'
  | 'falling'
  | ImitationName;

export interface Snippet {
  /** By which completions.ts has its words. */
  id: SnippetId;
  /** Key of the object that it stands in; '' at the top. */
  owner: '' | 'distillation';
  key: string;
  body: string;
}

const architecture = (hiddenSize: number, layers: number): string =>
  `{ "family": "\${1|bert,gpt2,llama|}", "hiddenSize": \${2:${hiddenSize}}, "layers": \${3:${layers}}, "heads": \${4:4} }`;

export const snippets: readonly Snippet[] = [
  {
    id: 'fineTuned',
    owner: '',
    key: 'teacher',
    body: '{ "source": "checkpoint", "path": "${1:models/teacher}" }',
  },
  {
    id: 'trainedHere',
    owner: '',
    key: 'teacher',
    body: `{\n  "source": "train",\n  "architecture": ${architecture(192, 4)},\n  "training": { "epochs": \${5:3} }\n}`,
  },
  {
    id: 'earlierRun',
    owner: '',
    key: 'teacher',
    body: '{ "source": "run", "run": "${1}", "role": "${2|teacher,student|}" }',
  },
  {
    id: 'randomWeights',
    owner: '',
    key: 'student',
    body: `{ "architecture": ${architecture(64, 2)} }`,
  },
  {
    id: 'smaller',
    owner: '',
    key: 'student',
    body: '{ "preset": "${1|half-blocks,third-blocks,quarter-parameters|}" }',
  },
  {
    id: 'teacherBlocks',
    owner: '',
    key: 'student',
    body: `{\n  "architecture": ${architecture(192, 2)},\n  "initialize": { "from": "teacher" }\n}`,
  },
  {
    id: 'softLabels',
    owner: '',
    key: 'distillation',
    body: '{ "temperature": ${1:4}, "alpha": ${2:0.7} }',
  },
  {
    id: 'falling',
    owner: 'distillation',
    key: 'temperature',
    body: '{ "from": ${1:8}, "to": ${2:2}, "schedule": "linear" }',
  },
  ...imitationNames.map((name): Snippet => {
    return { id: name, owner: 'distillation', key: name, body: imitationFacts[name].snippet.body };
  }),
];
