/** @file Checks what an experiment with sentence embeddings asks for against what its texts and teacher are, and settles what it leaves open. */

import { isOpaque } from '../../model/architecture';
import { readSentenceModules } from '../../model/files/sentence-modules';
import { controlFacts } from '../../protocol/controls';
import { isSoftened } from '../../protocol/divergences';
import { isOfEmbeddings } from '../../protocol/tasks';
import { isTrained, membersOf } from '../ensemble';
import { removeKey, setValue } from '../file/fixes';
import type { Experiment } from '../file/schema';
import type { DatasetFacts } from './check-dataset';
import type { Findings } from './findings';
import type { ModelFacts } from './model-facts';
import { isScored } from './pairs';

/** What embeddings have no meaning for, and what needs scores. */
export function checkEmbeddings(experiment: Experiment, dataset: DatasetFacts | undefined, findings: Findings): void {
  if (findings.check(() => isOfEmbeddings(experiment.task)) !== true) return;
  findings.check(() => checkDivergence(experiment, findings));
  for (const path of [
    ['distillation', 'temperature'],
    ['sweep', 'distillation.temperature'],
  ]) {
    if (findings.isWritten(path)) findings.warning(path, 'temperature-of-embeddings', {}, removeKey(path));
  }
  findings.check(() => {
    const index = experiment.controls.findIndex((name) => controlFacts[name].labelSmoothing !== undefined);
    const path = ['controls', index];
    if (index >= 0) findings.error(path, 'smoothing-of-embeddings', {}, removeKey(path));
  });
  findings.check(() => {
    const { precision } = experiment.teacher;
    const path = ['teacher', 'precision'];
    if (precision !== 'float32')
      findings.error(path, 'teacher-precision-of-embeddings', { precision }, removeKey(path));
  });
  if (dataset === undefined) return;
  const { pairs } = dataset.columns;
  findings.check(() => {
    const { test } = experiment.dataset;
    if (test === undefined || isScored(pairs, 'test') === isScored(pairs, 'validation')) return;
    const [having, lacking] = isScored(pairs, 'test')
      ? (['test', 'validation'] as const)
      : (['validation', 'test'] as const);
    findings.error(['dataset', 'test'], 'scores-in-one-split', { having, lacking });
  });
  findings.check(() => {
    const [low, high] = pairs?.range ?? [0, 1];
    if (low === high) findings.error(['dataset', 'labelColumn'], 'labels-of-one-number', { value: low });
  });
  if (!isScored(pairs, 'train')) checkWithoutScores(experiment, findings);
}

function checkDivergence({ distillation: { divergence } }: Experiment, findings: Findings): void {
  const path = ['distillation', 'divergence'];
  if (!findings.isWritten(path) || !isSoftened(divergence)) return;
  findings.error(path, 'divergence-of-embeddings', { divergence }, removeKey(path));
}

/** There is nothing to learn from but the teacher. */
function checkWithoutScores(experiment: Experiment, findings: Findings): void {
  findings.check(() => {
    const [control] = experiment.controls;
    if (control === undefined || !findings.isWritten(['controls'])) return;
    findings.error(['controls'], 'control-without-scores', { control }, setValue(['controls'], []));
  });
  findings.check(() => {
    const path = ['distillation', 'alpha'];
    if (!findings.isWritten(path) || experiment.distillation.alpha === 1) return;
    findings.error(path, 'alpha-without-scores', {}, removeKey(path));
  });
  findings.check(() => {
    if (membersOf(experiment.teacher).some(({ member }) => isTrained(member)))
      findings.error(['teacher'], 'teacher-without-scores', {});
  });
}

/** What the teacher's folder says of its embeddings. */
export async function checkSentenceTeacher(
  { task, dataset }: Experiment,
  facts: ModelFacts,
  findings: Findings,
): Promise<void> {
  const { teacher, teacherFolder, members } = facts;
  if (!isOfEmbeddings(task) || teacher === undefined || teacherFolder === undefined || isOpaque(teacher)) return;
  const folders = members?.map(({ folder, path }) => ({ folder, path })) ?? [
    { folder: teacherFolder, path: ['teacher'] },
  ];
  for (const { folder, path } of folders) {
    const modules = await findings.attempt(readSentenceModules(folder), path);
    if (modules === undefined) findings.warning(path, 'embedding-pooling-assumed', {});
  }
  const { maxTokens } = teacher.embedding ?? {};
  if (maxTokens !== undefined && dataset.maxLength > maxTokens) {
    const at = ['dataset', 'maxLength'];
    const sizes = { maxLength: dataset.maxLength, tokens: maxTokens };
    findings.warning(at, 'texts-longer-than-read', sizes, setValue(at, maxTokens));
  }
}

/**
 * The experiment with what it leaves open as embeddings have it: of length 1 they are compared by their cosine, which is their squared difference without a
 * factor of their width; others by their squared difference. Of texts without scores nothing else is learnt, and there is no control.
 */
export function settledEmbeddings(
  experiment: Experiment,
  { dataset, models }: { dataset: DatasetFacts | undefined; models: ModelFacts },
  findings: Findings,
): Experiment {
  if (!isOfEmbeddings(experiment.task)) return experiment;
  const hasScores = dataset === undefined || isScored(dataset.columns.pairs, 'train');
  const isOpen = (...path: string[]): boolean => !findings.isWritten(path);
  const { teacher } = models;
  const divergence =
    teacher !== undefined && !isOpaque(teacher) && teacher.embedding?.isNormalized ? 'cosine-logits' : 'mse-logits';
  return {
    ...experiment,
    distillation: {
      ...experiment.distillation,
      ...(isOpen('distillation', 'divergence') && { divergence }),
      ...(!hasScores && { alpha: 1 }),
    },
    ...(!hasScores && { controls: [] }),
  };
}
