/** @file Checks what an experiment says against itself, without reading other files. */

import { engineOfTeacherPrecision, enginesWith } from '../../protocol/engines';
import { familiesOfTask } from '../architecture';
import type { Findings } from './findings';
import { removeKey, setValue } from '../file/fixes';
import type { ArchitectureSpec, Experiment, Scheduled, TokenizerSpec } from '../file/schema';
import type { Path } from '../file/source';

export function checkSettings(experiment: Experiment, findings: Findings): void {
  checkColumns(experiment, findings);
  checkTokenizer(experiment, findings);
  checkStudentSource(experiment, findings);
  const { teacher, student } = experiment;
  if (teacher.source === 'train') {
    checkArchitecture(teacher.architecture, ['teacher', 'architecture'], experiment, findings);
  }
  if (student.architecture !== undefined) {
    checkArchitecture(student.architecture, ['student', 'architecture'], experiment, findings);
  }
  checkThatSomethingIsDistilled(experiment, findings);
  checkPrecision(experiment, findings);
  checkTeacherPrecision(experiment, findings);
  if (experiment.dataset.validation === undefined) {
    findings.warning(
      ['dataset'],
      'No validation rows are named, so a tenth of the training rows is held out.',
      'Name a file, or a fraction such as 0.1, as "validation".',
      setValue(['dataset', 'validation'], 0.1, 'Use 0.1 of the training rows as validation'),
    );
  }
}

function checkPrecision({ engine, precision }: Experiment, findings: Findings): void {
  const able = enginesWith(precision);
  if (engine === 'auto' || able.includes(engine)) return;
  const message = `The engine "${engine}" does not compute in ${precision}.`;
  findings.error(['precision'], message, `Use "float32", or the engine "${able.join('" or "')}".`);
}

function checkTeacherPrecision({ engine, precision, teacher }: Experiment, findings: Findings): void {
  if (teacher.precision === 'float32') return;
  const able = engineOfTeacherPrecision[teacher.precision];
  if ((engine === 'auto' || engine === able) && precision === 'float32') return;
  const chosen = precision === 'float32' ? `The engine "${engine}" does` : `Runs in ${precision} do`;
  findings.error(
    ['teacher', 'precision'],
    `${chosen} not ask the teacher in ${teacher.precision}.`,
    `Remove it, or choose the engine "${able}"${precision === 'float32' ? '' : ' and the precision "float32"'}.`,
    removeKey(['teacher', 'precision']),
  );
}

function checkColumns({ task, dataset }: Experiment, findings: Findings): void {
  if (dataset.pairColumn !== undefined && task !== 'text-classification') {
    const message = `"pairColumn" has no meaning for ${task}.`;
    findings.error(
      ['dataset', 'pairColumn'],
      message,
      'Remove it, or choose the task "text-classification".',
      removeKey(['dataset', 'pairColumn']),
    );
  }
  if (dataset.unlabelled !== undefined && task !== 'text-classification') {
    const message = `"unlabelled" has no meaning for ${task}, whose texts are their own labels.`;
    findings.error(
      ['dataset', 'unlabelled'],
      message,
      'Add these files to "train", or choose the task "text-classification".',
      removeKey(['dataset', 'unlabelled']),
    );
  }
  for (const key of ['promptColumn', 'completionColumn'] as const) {
    if (dataset[key] !== undefined && task !== 'causal-lm') {
      const message = `"${key}" has no meaning for ${task}.`;
      findings.error(
        ['dataset', key],
        message,
        'Remove it, or choose the task "causal-lm".',
        removeKey(['dataset', key]),
      );
    }
  }
  if (dataset.promptColumn !== undefined && dataset.completionColumn === undefined) {
    const remedy = 'Name the column of the completion as "completionColumn".';
    findings.error(['dataset', 'promptColumn'], 'A prompt needs a completion to be learnt.', remedy);
  }
}

function checkTokenizer({ task, tokenizer, teacher }: Experiment, findings: Findings): void {
  if (tokenizer.source === 'teacher' && teacher.source === 'train') {
    findings.error(
      ['tokenizer', 'source'],
      'The teacher is trained here, so it has no tokenizer yet.',
      'Write "tokenizer": {"source": "train", "kind": …, "vocabularySize": …}, or name one by path.',
      setValue(['tokenizer'], trainedTokenizer(task), 'Train a tokenizer on the training rows'),
    );
  }
  if (tokenizer.source !== 'train') return;
  if (teacher.source !== 'train') {
    const message = 'The teacher knows only the tokens that it was trained with.';
    findings.error(
      ['tokenizer', 'source'],
      message,
      'Use "tokenizer": {"source": "teacher"}.',
      setValue(['tokenizer'], { source: 'teacher' }, "Use the teacher's tokenizer"),
    );
  }
  const needed = { 'masked-lm': 'wordpiece', 'causal-lm': 'bpe' }[task as string];
  if (needed !== undefined && tokenizer.kind !== needed) {
    const missing = task === 'masked-lm' ? 'mask' : 'end-of-text';
    const message = `A ${tokenizer.kind} tokenizer has no ${missing} token, which ${task} needs.`;
    findings.error(['tokenizer', 'kind'], message, `Use "${needed}".`, setValue(['tokenizer', 'kind'], needed));
  }
}

function trainedTokenizer(task: Experiment['task']): TokenizerSpec {
  return { source: 'train', kind: task === 'causal-lm' ? 'bpe' : 'wordpiece', vocabularySize: 4096 };
}

function checkStudentSource({ task, student }: Experiment, findings: Findings): void {
  const fromCheckpoint = student.initialize.from === 'checkpoint';
  if (fromCheckpoint && student.architecture !== undefined) {
    const message = 'The folder that the student starts from already names its architecture.';
    findings.error(
      ['student', 'architecture'],
      message,
      'Remove "architecture", or start from other weights.',
      removeKey(['student', 'architecture']),
    );
  }
  if (!fromCheckpoint && student.architecture === undefined) {
    const message = '"architecture" is missing in "student".';
    const remedy = 'Add it: an object with "family", "hiddenSize", "layers" and "heads".';
    const family = familiesOfTask(task)[0]!;
    const architecture = { family, hiddenSize: 128, layers: 2, heads: 4 };
    findings.error(['student'], message, remedy, setValue(['student', 'architecture'], architecture));
  }
}

function checkArchitecture(
  spec: ArchitectureSpec,
  path: Path,
  { task, dataset }: Experiment,
  findings: Findings,
): void {
  if (!familiesOfTask(task).includes(spec.family)) {
    const message = `A ${spec.family} model cannot do ${task}.`;
    const families = familiesOfTask(task);
    const fixes = families.map((family) => setValue([...path, 'family'], family));
    findings.error([...path, 'family'], message, `Use "${families.join('" or "')}".`, ...fixes);
  }
  if (spec.hiddenSize % spec.heads !== 0) {
    const divisors = nearestDivisors(spec.hiddenSize, spec.heads);
    findings.error(
      [...path, 'heads'],
      `${spec.heads} heads do not divide the width ${spec.hiddenSize} evenly.`,
      `Use ${listOr(divisors)} heads, or another "hiddenSize".`,
      ...divisors.map((heads) => setValue([...path, 'heads'], heads)),
    );
  }
  if (spec.maxPositions !== undefined && spec.maxPositions < dataset.maxLength) {
    findings.error(
      [...path, 'maxPositions'],
      `The model has ${spec.maxPositions} positions, but examples have up to ${dataset.maxLength} tokens.`,
      'Raise "maxPositions", or lower "maxLength" of the dataset.',
      setValue([...path, 'maxPositions'], dataset.maxLength),
      setValue(['dataset', 'maxLength'], spec.maxPositions),
    );
  }
}

/** The divisors of `width` just below and above `heads`. */
function nearestDivisors(width: number, heads: number): number[] {
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

function listOr(values: readonly number[]): string {
  return values.join(' or ');
}

function checkThatSomethingIsDistilled({ distillation }: Experiment, findings: Findings): void {
  const { alpha, hidden } = distillation;
  if (isAlways(alpha, 0) && hidden === undefined) {
    findings.warning(
      ['distillation', 'alpha'],
      'Nothing is distilled: alpha 0 leaves only the hard labels, and there is no hidden-layer loss.',
      'Raise "alpha", or add "hidden".',
      setValue(['distillation', 'alpha'], 0.7),
    );
  }
}

function isAlways(value: Scheduled, constant: number): boolean {
  return typeof value === 'number' ? value === constant : value.from === constant && value.to === constant;
}
