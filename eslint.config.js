/** @file Typed lint rules, and the rooms of docs/architecture.md: who may import whom. */

import { createNodeResolver, importX } from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';

/** Each room may import itself, `protocol`, and the rooms named here. */
const rooms = {
  extension: ['experiment', 'run-directory', 'dataset'],
  runner: ['experiment', 'run-directory', 'distill', 'model', 'dataset', 'tokenizer', 'engine'],
  experiment: ['run-directory', 'model', 'dataset', 'tokenizer'],
  'run-directory': ['model'],
  distill: ['run-directory', 'model', 'dataset', 'tokenizer', 'engine'],
  model: ['engine'],
  dataset: ['tokenizer', 'engine'],
  tokenizer: [],
  engine: [],
  protocol: [],
};

/** Folders of `extension`, one a subject: each may import itself, `base`, and those named here. */
const subjects = {
  base: [],
  runs: [],
  models: [],
  devices: ['runs', 'models'],
  experiments: ['runs', 'models'],
  inspection: ['runs', 'models'],
  datasets: ['experiments', 'inspection'],
  lab: ['runs', 'models'],
  tools: ['runs', 'models', 'experiments'],
};

/** Of the page: each folder may import itself, `src/protocol`, and the folders named here. `lab.ts` starts it all. */
const pageRooms = {
  app: ['compare', 'completions', 'temperature', 'tokens', 'loss', 'runs', 'state', 'look', 'base'],
  compare: ['runs', 'state', 'charts', 'save', 'look', 'base'],
  completions: ['tokens', 'state', 'charts', 'look', 'base'],
  temperature: ['tokens', 'state', 'charts', 'save', 'look', 'base'],
  tokens: ['state', 'charts', 'look', 'base'],
  loss: ['runs', 'state', 'charts', 'save', 'look', 'base'],
  runs: ['state', 'look', 'base'],
  state: ['charts'],
  save: ['look', 'base'],
  charts: ['look', 'base'],
  look: ['base'],
  base: [],
};

/** Packages that only the named rooms may import. */
const reserved = [
  { packages: ['^vscode$'], rooms: ['extension'] },
  { packages: ['^onnxruntime-', '^@tensorflow/tfjs-(backend|node)'], rooms: ['engine'] },
  { packages: ['^@tensorflow/tfjs-core'], rooms: ['engine', 'model', 'distill'] },
  { packages: ['^@vscode/webview-ui-toolkit', '^lit', '^uplot'], rooms: [] },
  // In the engine's native-calls alone: its settings are refused once it has loaded a library.
  { packages: ['^koffi$'], rooms: [] },
];

/** Of `model`, what is free of tfjs. */
const withoutTensors =
  '(architecture|block-pairs|parameters|layouts/[^/]+|local/[^/]+|files/(atomic|checkpoint|gguf|gguf-checkpoint|onnx-file|safetensors|sentence-modules|weight-files))';

/** By these a link would be followed. */
const readsOfFiles = ['node:fs', 'node:fs/promises'].map((name) => ({
  name,
  importNames: ['readFile', 'readFileSync', 'open', 'createReadStream'],
  message: 'What is ours is read through owned.ts.',
}));

/** @param exempt of the reserved packages, one that is free to this part of the room */
function importRules(room, exempt) {
  const closed = Object.keys(rooms).filter(
    (other) => other !== room && other !== 'protocol' && !rooms[room].includes(other),
  );
  const patterns = [
    {
      regex: `^(\\.\\./)+(${[...closed, 'extension', 'webview'].join('|')})(/|$)`,
      message: `${room} may not import this room: docs/architecture.md.`,
    },
    ...reserved
      .filter((entry) => !entry.rooms.includes(room))
      .flatMap((entry) =>
        entry.packages
          .filter((name) => name !== exempt)
          .map((regex) => ({ regex, message: `Not in ${room}: docs/architecture.md.` })),
      ),
  ];
  // The extension host loads neither tfjs nor onnxruntime, so what it can reach may not bring them in at run time.
  if (room === 'experiment' || room === 'run-directory') {
    patterns.push({
      regex: `^(\\.\\./)+model/(?!${withoutTensors}$)`,
      allowTypeImports: true,
      message: `${room} takes only what is free of tfjs from model.`,
    });
  }
  return ['error', { patterns }];
}

/** As for its room, and only the subjects below. */
function subjectRules(subject) {
  const open = [subject, ...subjects[subject], ...(subject === 'base' ? [] : ['base'])];
  const closed = Object.keys(subjects).filter((other) => !open.includes(other));
  const [level, { patterns }] = importRules('extension');
  const above = { regex: `^(\\.\\./)+(${closed.join('|')})/`, message: `${subject} may not import this subject.` };
  return [level, { patterns: [...patterns, above] }];
}

const outsideThePage = {
  regex: '^\\.\\./(\\.\\./)*src/(?!protocol/)',
  message: 'webview imports src/protocol only.',
};

export default tseslint.config(
  { ignores: ['dist/', '**/node_modules/', 'demo/', '.cache/', '**/.venv/'] },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    plugins: { 'import-x': importX },
    settings: {
      ...importX.flatConfigs.typescript.settings,
      'import-x/resolver-next': [createNodeResolver({ extensions: ['.ts', '.mjs'] })],
    },
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      'import-x/no-cycle': ['error', { ignoreExternal: true }],
      '@typescript-eslint/consistent-type-imports': 'error',
      // noUncheckedIndexedAccess makes `!` the honest form where an index is known to be in range.
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-unnecessary-condition': ['error', { allowConstantLoopConditions: true }],
      'no-restricted-syntax': [
        'error',
        { selector: 'ExportDefaultDeclaration', message: 'Name what you export.' },
        { selector: 'ExportAllDeclaration', message: 'No barrels: import from where it is defined.' },
        {
          selector: 'MemberExpression[property.name=/^show(Information|Warning|Error)Message$/]',
          message: 'By src/extension/base/messages.ts, which keeps links and icons out.',
        },
        {
          selector: 'MemberExpression[property.name="appendText"]',
          message:
            'By inMarkdown: of an address in it the editor would make a link, and it keeps signs that turn a text.',
        },
        // no-restricted-imports sees static imports only.
        { selector: 'ImportExpression[source.value="koffi"]', message: 'Only in src/engine/native-calls.ts.' },
      ],
      // ArrayLike and typed arrays are walked by index.
      '@typescript-eslint/prefer-for-of': 'off',
      // Taking properties out of an object leaves names that nothing reads.
      '@typescript-eslint/no-unused-vars': ['error', { ignoreRestSiblings: true, varsIgnorePattern: '^_$' }],
      'no-console': 'error',
      eqeqeq: 'error',
    },
  },
  { files: ['**/*.config.ts', 'scripts/**'], rules: { 'no-restricted-syntax': 'off', 'no-console': 'off' } },
  { files: ['src/extension/base/messages.ts'], rules: { 'no-restricted-syntax': 'off' } },
  { files: ['test/**', 'bench/**'], rules: { 'no-console': 'off' } },
  ...Object.keys(rooms).map((room) => ({
    files: [`src/${room}/**/*.ts`],
    rules: { 'no-restricted-imports': importRules(room) },
  })),
  ...Object.keys(subjects).map((subject) => ({
    files: [`src/extension/${subject}/**/*.ts`],
    rules: { 'no-restricted-imports': subjectRules(subject) },
  })),
  {
    // What reads there goes by owned.ts; processes.ts reads of the system, atomic-directory.ts opens to sync what it wrote.
    files: ['src/run-directory/*.ts'],
    ignores: ['src/run-directory/{owned,processes,atomic-directory}.ts'],
    rules: { '@typescript-eslint/no-restricted-imports': ['error', { paths: readsOfFiles }] },
  },
  {
    files: ['src/engine/native-calls.ts'],
    rules: { 'no-restricted-imports': importRules('engine', '^koffi$') },
  },
  {
    files: ['webview/**/*.ts'],
    rules: {
      'no-restricted-imports': ['error', { patterns: [outsideThePage] }],
    },
  },
  ...Object.entries(pageRooms).map(([room, open]) => {
    const closed = Object.keys(pageRooms).filter((other) => other !== room && !open.includes(other));
    const message = `webview/${room} may not import this folder: see pageRooms.`;
    return {
      files: [`webview/${room}/**/*.ts`],
      rules: {
        'no-restricted-imports': [
          'error',
          { patterns: [outsideThePage, { regex: `^\\.\\./(${closed.join('|')})/`, message }] },
        ],
      },
    };
  }),
);
