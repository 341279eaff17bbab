/** @file Checks what an experiment asks for against what its labels are: a class, several, or a number. */

import { labelKindOf, type TeacherModel } from '../../model/architecture';
import { controlFacts } from '../../protocol/controls';
import { isSoftened } from '../../protocol/divergences';
import type { LabelKind } from '../../protocol/records';
import { removeKey, setValue } from '../file/fixes';
import type { Experiment } from '../file/schema';
import type { Path } from '../file/source';
import type { Findings } from './findings';

/** @param labels what they are, as the file says or as it was seen from the rows */
export function checkLabelKind(experiment: Experiment, labels: LabelKind, findings: Findings): void {
  findings.check(() => {
    const path = ['dataset', 'labelSeparator'];
    if (experiment.dataset.labelSeparator === undefined || labels === 'multiple') return;
    findings.error(path, 'separator-without-labels', { labels }, removeKey(path));
  });
  if (labels !== 'regression') return;
  findings.check(() => checkDivergence(experiment, findings));
  for (const path of [
    ['distillation', 'temperature'],
    ['sweep', 'distillation.temperature'],
  ]) {
    if (findings.isWritten(path)) findings.warning(path, 'temperature-of-numbers', {}, removeKey(path));
  }
  findings.check(() => {
    const index = experiment.controls.findIndex((name) => controlFacts[name].labelSmoothing !== undefined);
    const path = ['controls', index];
    if (index >= 0) findings.error(path, 'smoothing-of-numbers', {}, removeKey(path));
  });
  findings.check(() => {
    const { precision } = experiment.teacher;
    const path = ['teacher', 'precision'];
    if (precision !== 'float32') findings.error(path, 'teacher-precision-of-numbers', { precision }, removeKey(path));
  });
}

/** Numbers have no distribution: only their difference can be imitated. */
function checkDivergence({ distillation: { divergence } }: Experiment, findings: Findings): void {
  const path = ['distillation', 'divergence'];
  if (findings.isWritten(['sweep', 'distillation.divergence'])) {
    findings.error(['sweep', 'distillation.divergence'], 'divergence-of-numbers', {});
  }
  if (!findings.isWritten(path) || divergence === 'mse-logits') return;
  const how = isSoftened(divergence) ? 'distributions' : 'directions';
  findings.error(path, 'divergence-of-numbers', { divergence, how }, setValue(path, 'mse-logits'), removeKey(path));
}

/** Whether a classifier that is there predicts what the labels are; what it does not is said at `path`. */
export function checkHead(model: TeacherModel, labels: LabelKind, path: Path, findings: Findings): void {
  const found = labelKindOf(model);
  if (found === undefined) return;
  if (found !== labels) {
    findings.error(path, 'teacher-of-other-labels', { found, labels }, setValue(['dataset', 'labels'], found));
  } else if (found === 'regression' && model.labels!.length !== 1) {
    findings.error(path, 'teacher-of-several-numbers', { numbers: model.labels!.length });
  }
}
