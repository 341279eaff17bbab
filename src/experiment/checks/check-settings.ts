/** @file Checks what an experiment says against itself, without reading other files. */

import { isSoftened } from '../../protocol/divergences';
import {
  engineFacts,
  engineOfMoments,
  engineOfTeacherPrecision,
  enginesThatSort,
  enginesWith,
} from '../../protocol/engines';
import { imitationNames } from '../../protocol/imitation';
import { deviceNames, devicesOf, torchrunEngine } from '../../protocol/torchrun';
import { phrase } from '../../protocol/problems/phrases';
import { familiesOfTask, sharesKeyValueHeads } from '../architecture';
import { hasOnnxMember, isMadeFromNothing, isTrained, memberCount, membersOf } from '../ensemble';
import { layoutOf } from '../../model/layouts/families';
import type { Findings } from './findings';
import type { Fix } from '../../protocol/problem';
import { removeKey, setValue } from '../file/fixes';
import type { ArchitectureSpec } from '../file/blocks/architecture';
import type { Scheduled } from '../file/blocks/distillation';
import type { TokenizerSpec } from '../file/blocks/tokenizer';
import type { TrainingSpec } from '../file/blocks/training';
import type { Experiment } from '../file/schema';
import type { Path } from '../file/source';
import { isMasked, isOfEmbeddings, predictsVocabulary } from '../../protocol/tasks';

/** Each check by itself: what one cannot say, because a setting could not be read, keeps no other from being made. */
export function checkSettings(experiment: Experiment, findings: Findings): void {
  const checks = [
    checkPair,
    checkLabelSettings,
    checkScores,
    checkTeacherOfEmbeddings,
    checkUnlabelled,
    checkPromptColumns,
    checkPrompt,
    checkChatTemplate,
    checkSequenceLevel,
    checkOnPolicy,
    checkPositions,
    checkAlignment,
    checkTokenizerOfTeacher,
    checkTokenizerKind,
    checkKeptTokens,
    checkStudentSource,
    checkEnsemble,
    checkOpaque,
    checkEndpoint,
    checkKeptLogits,
    checkTeacherArchitecture,
    checkStudentArchitecture,
    checkThatSomethingIsDistilled,
    checkPacking,
    checkPrecision,
    checkMoments,
    checkTorchrun,
    checkTeacherPrecision,
    checkValidation,
    checkSeeds,
  ];
  for (const check of checks) findings.check(() => check(experiment, findings));
}

function checkValidation({ dataset }: Experiment, findings: Findings): void {
  if (dataset.validation !== undefined) return;
  const useTenth = setValue(['dataset', 'validation'], 0.1, phrase('hold-out-tenth'));
  findings.warning(['dataset'], 'validation-not-named', {}, useTenth);
}

function checkSeeds({ seeds }: Experiment, findings: Findings): void {
  if (!Array.isArray(seeds)) return;
  for (const [index, seed] of seeds.entries()) {
    if (seeds.indexOf(seed) < index)
      findings.error(['seeds', index], 'seed-twice', { seed }, removeKey(['seeds', index]));
  }
}

function checkPrecision({ engine, precision }: Experiment, findings: Findings): void {
  const able = enginesWith(precision);
  if (engine === 'auto' || engine === torchrunEngine || able.includes(engine)) return;
  findings.error(['precision'], 'engine-without-precision', { engine, precision, engines: able });
}

function checkMoments({ engine, teacher, training }: Experiment, findings: Findings): void {
  for (const [path, spec] of trainingsOf({ teacher, training })) {
    if (spec.moments === 'float32') continue;
    const able = engineOfMoments[spec.moments];
    if (engine === 'auto' || engine === able) continue;
    const at = [...path, 'moments'];
    findings.error(at, 'moments-of-engine', { engine, moments: spec.moments, able }, removeKey(at));
  }
}

/** What is trained, by its place in the file. */
function trainingsOf({ teacher, training }: Pick<Experiment, 'teacher' | 'training'>): [Path, TrainingSpec][] {
  const ofTeacher = 'training' in teacher ? teacher.training : undefined;
  return [
    [['training'], training],
    ...(ofTeacher ? [[['teacher', 'training'], ofTeacher] as [Path, TrainingSpec]] : []),
  ];
}

/** What Python has not; model families are looked at when models are known (check-models). */
export function checkTorchrun(experiment: Experiment, findings: Findings): void {
  const { engine, teacher, training, distillation, torchrun } = experiment;
  if (engine !== torchrunEngine) return;
  const { source } = teacher;
  if (distillation.onPolicy !== undefined) {
    const onPolicy = ['distillation', 'onPolicy'];
    findings.error(onPolicy, 'torchrun-without-on-policy', {}, removeKey(onPolicy));
  }
  if (distillation.positions !== undefined) {
    const positions = ['distillation', 'positions'];
    findings.error(positions, 'torchrun-without-positions', {}, removeKey(positions));
  }
  if (distillation.vocabulary === 'align') {
    const vocabulary = ['distillation', 'vocabulary'];
    findings.error(vocabulary, 'torchrun-without-alignment', {}, removeKey(vocabulary));
  }
  if (source === 'ensemble' || source === 'onnx') {
    findings.error(['teacher', 'source'], 'torchrun-without-teacher', { source });
  }
  for (const [path, spec] of trainingsOf({ teacher, training })) {
    const [onDivergence, pack] = [
      [...path, 'onDivergence'],
      [...path, 'pack'],
    ] as const;
    if (spec.onDivergence === 'lower-rate') {
      findings.error(onDivergence, 'torchrun-without-lower-rate', {}, setValue(onDivergence, 'stop'));
    }
    if (spec.pack) findings.error(pack, 'torchrun-without-packing', {}, removeKey(pack));
  }
  const { interpreter, devices } = torchrun ?? {};
  if (devices !== undefined && devicesOf(devices) === undefined) {
    findings.error(['torchrun', 'devices'], 'torchrun-devices-unknown', { devices, known: deviceNames });
  }
  // A file may be a stranger's, and what it names is started.
  if (interpreter === undefined || /^python[\d.]*(\.exe)?$/.test(interpreter)) return;
  const at = ['torchrun', 'interpreter'];
  findings.error(at, 'torchrun-interpreter-named', { interpreter }, removeKey(at));
}

/** Who is asked by rows elsewhere knows of none that are shared; one with tokens of its own is given rows of its own. */
function checkPacking({ teacher, training, distillation }: Experiment, findings: Findings): void {
  if (!training.pack || distillation.vocabulary === 'align') return;
  const sources = teacher.source === 'ensemble' ? teacher.teachers.map(({ source }) => source) : [teacher.source];
  const source = sources.find((one) => one === 'onnx' || one === 'endpoint');
  const at = ['training', 'pack'];
  if (source !== undefined) findings.error(at, 'packing-of-source', { source }, removeKey(at));
}

function checkTeacherPrecision({ engine, precision, teacher }: Experiment, findings: Findings): void {
  if (teacher.precision === 'float32') return;
  const able = engineOfTeacherPrecision[teacher.precision];
  if ((engine === 'auto' || engine === able) && precision === 'float32') return;
  const path = ['teacher', 'precision'];
  const what = { precision: teacher.precision, able };
  if (precision === 'float32') {
    findings.error(path, 'teacher-precision-of-engine', { engine, ...what }, removeKey(path));
  } else {
    findings.error(path, 'teacher-precision-of-run', { runPrecision: precision, ...what }, removeKey(path));
  }
}

function checkPair({ task, dataset }: Experiment, findings: Findings): void {
  if (dataset.pairColumn === undefined || task === 'text-classification' || isOfEmbeddings(task)) return;
  refuseColumn('pairColumn', task, 'text-classification', findings);
}

function checkLabelSettings({ task, dataset }: Experiment, findings: Findings): void {
  if (task === 'text-classification') return;
  for (const key of ['labels', 'labelSeparator'] as const) {
    findings.check(() => {
      if (dataset[key] !== undefined) refuseColumn(key, task, 'text-classification', findings);
    });
  }
}

/** How similar two texts are is said of two. */
function checkScores({ task, dataset }: Experiment, findings: Findings): void {
  const path = ['dataset', 'labelColumn'];
  if (!isOfEmbeddings(task) || dataset.pairColumn !== undefined || !findings.isWritten(path)) return;
  findings.error(path, 'scores-without-pairs', {}, removeKey(path));
}

/** Where embeddings are asked for and trained today: our own models on the engines here. */
function checkTeacherOfEmbeddings({ task, engine, teacher }: Experiment, findings: Findings): void {
  if (!isOfEmbeddings(task)) return;
  if (engine === torchrunEngine) findings.error(['engine'], 'torchrun-without-embeddings', {}, removeKey(['engine']));
  const sources = membersOf(teacher).map(({ member }) => member.source);
  const source = sources.find((one) => one === 'onnx' || one === 'endpoint');
  if (source !== undefined) findings.error(['teacher', 'source'], 'embeddings-of-source', { source });
}

function checkUnlabelled({ task, dataset }: Experiment, findings: Findings): void {
  if (dataset.unlabelled === undefined || task === 'text-classification') return;
  const path = ['dataset', 'unlabelled'];
  findings.error(path, 'unlabelled-without-meaning', { task }, removeKey(path));
}

function checkPromptColumns({ task, dataset }: Experiment, findings: Findings): void {
  for (const key of ['promptColumn', 'completionColumn'] as const) {
    findings.check(() => {
      if (dataset[key] !== undefined && task !== 'causal-lm') refuseColumn(key, task, 'causal-lm', findings);
    });
  }
}

function refuseColumn(column: string, task: string, wanted: string, findings: Findings): void {
  const path = ['dataset', column];
  findings.error(path, 'column-without-meaning', { column, task, wanted }, removeKey(path));
}

function checkPrompt({ dataset }: Experiment, findings: Findings): void {
  if (dataset.promptColumn === undefined || dataset.completionColumn !== undefined) return;
  findings.error(['dataset', 'promptColumn'], 'prompt-without-completion', {});
}

function checkChatTemplate({ task, dataset, tokenizer }: Experiment, findings: Findings): void {
  if (!dataset.chatTemplate) return;
  const path = ['dataset', 'chatTemplate'];
  const remove = removeKey(path);
  if (task !== 'causal-lm') findings.error(path, 'chat-template-of-task', { task }, remove);
  else if (dataset.promptColumn === undefined || dataset.completionColumn === undefined) {
    findings.error(path, 'chat-template-without-columns', {}, remove);
  } else if (tokenizer.source === 'train') findings.error(path, 'chat-template-of-trained', {}, remove);
}

function checkSequenceLevel({ task, dataset, teacher, distillation }: Experiment, findings: Findings): void {
  if (distillation.sequenceLevel !== true) return;
  const path = ['distillation', 'sequenceLevel'];
  const remove = removeKey(path);
  const sources = membersOf(teacher).map(({ member }) => member.source);
  const opaque = sources.find((source) => source === 'onnx' || source === 'endpoint');
  if (task !== 'causal-lm') findings.error(path, 'sequence-level-of-task', { task }, remove);
  else if (opaque !== undefined) findings.error(path, 'sequence-level-of-source', { source: opaque }, remove);
  else if (dataset.promptColumn === undefined) findings.error(path, 'sequence-level-without-prompts', {}, remove);
}

/** Who has to say something of texts that nobody knows before must be here; a step's texts have rows of their own. */
function checkOnPolicy({ task, teacher, training, distillation }: Experiment, findings: Findings): void {
  if (distillation.onPolicy === undefined) return;
  const path = ['distillation', 'onPolicy'];
  const remove = removeKey(path);
  if (task !== 'causal-lm') findings.error(path, 'on-policy-of-task', { task }, remove);
  else if (teacher.source === 'endpoint') findings.error(path, 'on-policy-of-endpoint', {}, remove);
  else if (training.pack) findings.error(path, 'on-policy-of-packed', {}, removeKey(['training', 'pack']), remove);
}

/** A teacher that reads its own tokens: only what it predicts of a text, a word or a span of text can be held against the student. */
function checkAlignment(experiment: Experiment, findings: Findings): void {
  const { distillation, task, teacher, tokenizer, student } = experiment;
  if (distillation.vocabulary !== 'align') return;
  const path = ['distillation', 'vocabulary'];
  const remove = removeKey(path);
  findings.check(() => {
    if (isMasked(task)) findings.error(path, 'align-of-task', { task }, remove);
  });
  findings.check(() => {
    if (teacher.source === 'endpoint') findings.error(path, 'align-of-endpoint', {}, remove);
    else if (isMadeFromNothing(teacher)) findings.error(path, 'align-of-trained', {}, remove);
    else if (tokenizer.source === 'teacher') findings.warning(path, 'align-of-one-tokenizer', {}, remove);
  });
  findings.check(() => {
    if (tokenizer.source === 'train' || tokenizer.tokens !== 'used') return;
    const tokens = ['tokenizer', 'tokens'];
    findings.error(tokens, 'align-of-used-tokens', {}, removeKey(tokens), remove);
  });
  findings.check(() => {
    if (tokenizer.source !== 'train' || student.initialize.from !== 'checkpoint') return;
    const own = useStudentsTokenizer(student.initialize.path);
    findings.error(['tokenizer', 'source'], 'align-of-started-student', { path: student.initialize.path }, own);
  });
  findings.check(() => {
    const preset = ['student', 'preset'];
    if (student.preset !== undefined) findings.error(preset, 'align-of-preset', {});
  });
  refuseInside(experiment, 'aligned', findings);
  if (task === 'causal-lm') checkSpans(experiment, findings);
}

/** Of language models with different tokenizers: what is for predictions of the same tokens. */
function checkSpans({ dataset, teacher, training, distillation, engine }: Experiment, findings: Findings): void {
  const { cache, source } = teacher;
  const refused: [Path, boolean][] = [
    [['dataset', 'chatTemplate'], dataset.chatTemplate],
    [['teacher', 'cache', 'logits'], typeof cache === 'object' && cache.logits !== 'all'],
    [['training', 'pack'], training.pack],
    [['distillation', 'onPolicy'], distillation.onPolicy !== undefined],
    [['distillation', 'positions'], distillation.positions !== undefined],
    [['distillation', 'sequenceLevel'], distillation.sequenceLevel === true],
  ];
  for (const [at, isAsked] of refused) {
    const setting = String(at.at(-1));
    findings.check(() => {
      if (isAsked) findings.error(at, 'spans-without-setting', { setting }, removeKey(at));
    });
  }
  findings.check(() => {
    const { divergence } = distillation;
    const at = ['distillation', 'divergence'];
    if (!isSoftened(divergence)) findings.error(at, 'spans-of-logits', { divergence }, removeKey(at));
  });
  findings.check(() => {
    if (source === 'ensemble' || source === 'onnx') {
      findings.error(['teacher', 'source'], 'spans-of-source', { source });
    }
  });
  findings.check(() => {
    if (engine === 'auto' || engine === torchrunEngine || !engineFacts[engine].cannotSort) return;
    findings.error(['engine'], 'spans-of-engine', { engine, engines: enginesThatSort() }, setValue(['engine'], 'auto'));
  });
}

export const useStudentsTokenizer = (path: string): Fix =>
  setValue(['tokenizer'], { source: 'path', path }, phrase('use-students-tokenizer'));

/** What lets a teacher keep its tokenizer, where its task allows that. */
export function alignFixes({ task, engine, teacher, distillation }: Experiment): Fix[] {
  const { source } = teacher;
  const isOfTask = task === 'causal-lm' ? source === 'checkpoint' || source === 'run' : !isMasked(task);
  const isPossible = isOfTask && engine !== torchrunEngine && distillation.vocabulary === 'same';
  return isPossible ? [setValue(['distillation', 'vocabulary'], 'align', phrase('keep-teachers-tokenizer'))] : [];
}

/** A classifier has one prediction a row, a text one embedding. */
function checkPositions({ task, distillation }: Experiment, findings: Findings): void {
  const path = ['distillation', 'positions'];
  if (distillation.positions === undefined || predictsVocabulary(task)) return;
  findings.error(path, 'positions-of-task', { task }, removeKey(path));
}

function checkTokenizerOfTeacher(experiment: Experiment, findings: Findings): void {
  const { task, tokenizer, teacher, distillation } = experiment;
  if (teacher.source === 'endpoint') return;
  if (tokenizer.source === 'teacher' && isMadeFromNothing(teacher)) {
    findings.error(
      ['tokenizer', 'source'],
      'tokenizer-not-trained-yet',
      {},
      setValue(['tokenizer'], trainedTokenizer(task), phrase('train-tokenizer')),
    );
  }
  const keepsOwn = distillation.vocabulary === 'align';
  if (tokenizer.source === 'train' && !isMadeFromNothing(teacher) && !keepsOwn) {
    findings.error(
      ['tokenizer', 'source'],
      'tokenizer-not-the-teachers',
      {},
      setValue(['tokenizer'], { source: 'teacher' }, phrase('use-teachers-tokenizer')),
      ...alignFixes(experiment),
    );
  }
}

function checkTokenizerKind({ task, tokenizer }: Experiment, findings: Findings): void {
  if (tokenizer.source !== 'train') return;
  const needed = { 'masked-lm': 'wordpiece', 'causal-lm': 'bpe' }[task as string];
  if (needed === undefined || tokenizer.kind === needed) return;
  const token = task === 'masked-lm' ? 'mask' : 'end-of-text';
  const path = ['tokenizer', 'kind'];
  findings.error(
    path,
    'tokenizer-kind-lacks-token',
    { kind: tokenizer.kind, token, task, needed },
    setValue(path, needed),
  );
}

/** Ids change, so that what has been made for the others must be cut with them. */
function checkKeptTokens({ tokenizer, teacher, student }: Experiment, findings: Findings): void {
  if (tokenizer.source === 'train' || tokenizer.tokens !== 'used') return;
  const path = ['tokenizer', 'tokens'];
  const isGiven = membersOf(teacher).every(({ member }) => member.source !== 'onnx' && !isTrained(member));
  if (!isGiven) findings.error(path, 'tokens-of-teacher-not-cut', {}, removeKey(path));
  else if (student.initialize.from === 'checkpoint') {
    findings.error(path, 'tokens-of-student-not-cut', {}, removeKey(path));
  }
}

function trainedTokenizer(task: Experiment['task']): TokenizerSpec {
  return { source: 'train', kind: task === 'causal-lm' ? 'bpe' : 'wordpiece', vocabularySize: 4096 };
}

const removePreset = removeKey(['student', 'preset']);

function checkStudentSource({ task, student, teacher }: Experiment, findings: Findings): void {
  if (student.preset !== undefined) {
    for (const key of ['architecture', 'initialize'] as const) {
      const path = ['student', key];
      if (findings.isWritten(path)) findings.error(path, 'preset-beside', { key }, removeKey(path), removePreset);
    }
    return;
  }
  const fromCheckpoint = student.initialize.from === 'checkpoint';
  if (!fromCheckpoint && student.architecture === undefined) {
    const family = familiesOfTask(task)[0]!;
    const architecture = { family, hiddenSize: 128, layers: 2, heads: 4 };
    const hasBlocks = !['ensemble', 'onnx', 'endpoint'].includes(teacher.source);
    findings.error(
      ['student'],
      'architecture-missing',
      {},
      setValue(['student', 'architecture'], architecture),
      ...(hasBlocks ? [setValue(['student', 'preset'], 'half-blocks')] : []),
    );
  }
}

/** Of teachers that show nothing but their predictions. */
function refuseInside(
  { distillation, student }: Experiment,
  teacher: 'ensemble' | 'opaque' | 'endpoint' | 'aligned',
  findings: Findings,
): void {
  for (const name of imitationNames) {
    const path = ['distillation', name];
    findings.check(() => {
      if (distillation[name] !== undefined) findings.error(path, `${teacher}-without-${name}`, {}, removeKey(path));
    });
  }
  findings.check(() => {
    const path = ['student', 'initialize', 'from'];
    if (student.initialize.from === 'teacher') findings.error(path, `${teacher}-without-blocks`, {});
  });
}

/** A mean of probabilities has no hidden states and no blocks. */
function checkEnsemble(experiment: Experiment, findings: Findings): void {
  const { teacher } = experiment;
  if (teacher.source !== 'ensemble') return;
  if (memberCount(teacher) < 2) findings.error(['teacher', 'teachers'], 'ensemble-of-one', {});
  const { weights, teachers } = teacher;
  if (weights !== undefined && weights.length !== teachers.length) {
    const path = ['teacher', 'weights'];
    findings.error(path, 'ensemble-weights', { weights: weights.length, teachers: teachers.length }, removeKey(path));
  }
  refuseInside(experiment, 'ensemble', findings);
}

/** Of an ONNX file nothing is seen but its logits. */
function checkOpaque(experiment: Experiment, findings: Findings): void {
  if (experiment.teacher.source === 'onnx') refuseInside(experiment, 'opaque', findings);
}

/** Of a model behind a server the most probable tokens are seen, and nothing else. */
function checkEndpoint(experiment: Experiment, findings: Findings): void {
  const { task, dataset, teacher, distillation, tokenizer } = experiment;
  if (teacher.source !== 'endpoint') return;
  findings.check(() => {
    if (task === 'masked-lm' || task === 'token-classification') findings.error(['task'], 'endpoint-task', { task });
  });
  findings.check(() => {
    const { username, password } = new URL(teacher.url);
    if (username !== '' || password !== '') findings.error(['teacher', 'url'], 'endpoint-has-user', {});
  });
  refuseInside(experiment, 'endpoint', findings);
  findings.check(() => {
    const { divergence } = distillation;
    if (isSoftened(divergence)) return;
    findings.error(['distillation', 'divergence'], 'endpoint-divergence', { divergence });
  });
  findings.check(() => {
    const path = ['tokenizer', 'source'];
    if (tokenizer.source === 'teacher') findings.error(path, 'endpoint-without-tokenizer', {});
    if (tokenizer.source === 'train' && task === 'causal-lm') {
      findings.error(path, 'endpoint-trained-tokenizer', {});
    }
  });
  findings.check(() => {
    if (dataset.labels === undefined || dataset.labels === 'single') return;
    findings.error(['dataset', 'labels'], 'endpoint-labels', { labels: dataset.labels });
  });
  for (const key of ['prompt', 'verbalizers'] as const) {
    findings.check(() => {
      const path = ['teacher', key];
      if (teacher[key] === undefined || task === 'text-classification') return;
      findings.error(path, 'endpoint-words-without-meaning', { key, task }, removeKey(path));
    });
  }
  findings.check(() => {
    const words = Object.entries(teacher.verbalizers ?? {});
    const twice = words.find(([, word], i) => words.slice(0, i).some(([, other]) => other === word));
    if (twice) findings.error(['teacher', 'verbalizers', twice[0]], 'endpoint-verbalizer-twice', { word: twice[1] });
  });
}

/** Some of the logits are kept where a teacher gives logits over a vocabulary, and say nothing of differences between logits. */
function checkKeptLogits({ engine, task, teacher, distillation }: Experiment, findings: Findings): void {
  const { cache, source } = teacher;
  if (typeof cache === 'boolean' || cache.logits === 'all') return;
  const path = ['teacher', 'cache', 'logits'];
  const isWhole = source === 'ensemble' && !hasOnnxMember(teacher);
  if (task !== 'causal-lm' || isWhole || engine === torchrunEngine) {
    findings.warning(path, 'kept-logits-without-meaning', {}, removeKey(path));
    return;
  }
  const { divergence, temperature } = distillation;
  if (!isSoftened(divergence)) {
    findings.error(path, 'kept-logits-of-divergence', { divergence }, removeKey(path));
    return;
  }
  if ('top' in cache.logits) return;
  const keepMostProbable = setValue(path, { top: 64 }, phrase('keep-most-probable', { count: 64 }));
  if (source === 'ensemble') findings.error(path, 'sampled-logits-of-ensemble', {}, keepMostProbable);
  else if (divergence !== 'forward-kl' || temperature !== 1)
    findings.error(path, 'sampled-logits-of-objective', {}, keepMostProbable);
}

function checkTeacherArchitecture(experiment: Experiment, findings: Findings): void {
  const { teacher } = experiment;
  if (teacher.source === 'train')
    checkArchitecture(teacher.architecture, ['teacher', 'architecture'], experiment, findings);
  if (teacher.source !== 'ensemble') return;
  for (const [i, member] of teacher.teachers.entries()) {
    if (member.source !== 'train') continue;
    checkArchitecture(member.architecture, ['teacher', 'teachers', i, 'architecture'], experiment, findings);
  }
}

function checkStudentArchitecture(experiment: Experiment, findings: Findings): void {
  const { student } = experiment;
  if (student.architecture === undefined) return;
  const { family } = student.architecture;
  // Its heads are as wide as its teacher's, whatever hiddenSize is, where the config can say so; that they divide it transformers wants still.
  const isFree = student.initialize.from === 'teacher' && layoutOf(family).namesHeadSize === true;
  checkArchitecture(student.architecture, ['student', 'architecture'], experiment, findings, isFree);
}

/** @param isFree whether the width of a head is not hiddenSize / heads */
function checkArchitecture(
  spec: ArchitectureSpec,
  path: Path,
  experiment: Experiment,
  findings: Findings,
  isFree = false,
): void {
  findings.check(() => {
    const { family } = spec;
    const { task } = experiment;
    const families = familiesOfTask(task);
    if (families.includes(family)) return;
    const fixes = families.map((one) => setValue([...path, 'family'], one));
    findings.error([...path, 'family'], 'family-unfit-for-task', { family, task, families }, ...fixes);
  });
  findings.check(() => {
    const { hiddenSize, heads } = spec;
    if (hiddenSize % heads === 0) return;
    const divisors = nearestDivisors(hiddenSize, heads);
    const fixes = divisors.map((one) => setValue([...path, 'heads'], one));
    findings.error([...path, 'heads'], 'heads-do-not-divide-width', { heads, hiddenSize, divisors }, ...fixes);
  });
  findings.check(() => {
    const { family, heads, keyValueHeads } = spec;
    const at = [...path, 'keyValueHeads'];
    if (keyValueHeads === undefined || keyValueHeads === heads) return;
    if (!sharesKeyValueHeads(family)) {
      findings.error(at, 'key-value-heads-of-family', { family }, removeKey(at));
    } else if (heads % keyValueHeads !== 0) {
      const divisors = nearestDivisors(heads, keyValueHeads);
      const fixes = divisors.map((one) => setValue(at, one));
      findings.error(at, 'key-value-heads-do-not-divide', { keyValueHeads, heads, divisors }, ...fixes);
    }
  });
  findings.check(() => {
    const { family, hiddenSize, heads } = spec;
    if (
      isFree ||
      layoutOf(family).defaults.rotary === undefined ||
      hiddenSize % heads !== 0 ||
      (hiddenSize / heads) % 2 === 0
    )
      return;
    findings.error([...path, 'heads'], 'head-size-odd', { size: hiddenSize / heads, family });
  });
  findings.check(() => {
    const { maxPositions: positions } = spec;
    const { maxLength } = experiment.dataset;
    if (positions === undefined || positions >= maxLength) return;
    findings.error(
      [...path, 'maxPositions'],
      'positions-too-few',
      { positions, maxLength },
      setValue([...path, 'maxPositions'], maxLength),
      setValue(['dataset', 'maxLength'], positions),
    );
  });
}

/** The divisors of `width` just below and above `heads`. */
export function nearestDivisors(width: number, heads: number): number[] {
  const near: number[] = [];
  for (let below = Math.min(heads, width); below >= 1; below--) {
    if (width % below !== 0) continue;
    near.push(below);
    break;
  }
  for (let above = heads + 1; above <= width; above++) {
    if (width % above !== 0) continue;
    near.push(above);
    break;
  }
  return near;
}

function checkThatSomethingIsDistilled({ distillation }: Experiment, findings: Findings): void {
  if (isAlways(distillation.alpha, 0) && imitationNames.every((name) => distillation[name] === undefined)) {
    const path = ['distillation', 'alpha'];
    findings.warning(path, 'nothing-distilled', { losses: imitationNames }, setValue(path, 0.7));
  }
}

function isAlways(value: Scheduled, constant: number): boolean {
  return typeof value === 'number' ? value === constant : value.from === constant && value.to === constant;
}
