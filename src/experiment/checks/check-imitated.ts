/** @file What is imitated inside the teacher, checked against both models' sizes. */

import { isOpaque } from '../../model/architecture';
import { relatedVectors, relationHeads } from '../../model/block-pairs';
import { imitationNames } from '../../protocol/imitation';
import { phrase } from '../../protocol/problems/phrases';
import { removeKey, setValue } from '../file/fixes';
import type { Experiment } from '../file/schema';
import type { Path } from '../file/source';
import { nearestDivisors } from './check-settings';
import type { Findings } from './findings';
import type { ModelFacts } from './model-facts';

export function checkImitated(experiment: Experiment, facts: ModelFacts, findings: Findings): void {
  findings.check(() => checkImitatedBlocks(experiment, facts, findings));
  findings.check(() => checkHeads(experiment, facts, findings));
  findings.check(() => checkRelationHeads(experiment, facts, findings));
}

function checkImitatedBlocks(experiment: Experiment, facts: ModelFacts, findings: Findings): void {
  const { teacher, student, distillation } = experiment;
  if (teacher.source === 'ensemble' || teacher.source === 'onnx' || teacher.source === 'endpoint') return;
  const { teacher: found } = facts;
  const known = found !== undefined && !isOpaque(found) ? found.layers : undefined;
  const depths = {
    teacher: findings.check(() => (teacher.source === 'train' ? teacher.architecture.layers : known)),
    student: findings.check(() => facts.student?.layers ?? student.architecture?.layers),
  };
  for (const key of imitationNames) {
    const layers = findings.check(() => distillation[key]?.layers) ?? [];
    if (typeof layers === 'string') continue;
    for (const [index, pair] of layers.entries()) {
      for (const [side, role] of (['teacher', 'student'] as const).entries()) {
        findings.check(() =>
          checkLayer(['distillation', key, 'layers', index, side], role, pair[side]!, depths[role], findings),
        );
      }
    }
  }
}

function checkLayer(
  path: Path,
  role: 'teacher' | 'student',
  layer: number,
  layers: number | undefined,
  findings: Findings,
): void {
  if (layers === undefined || layer < layers) return;
  const last = layers - 1;
  const fix = setValue(path, last, phrase('use-last-block', { layer: last }));
  findings.error(path, 'layer-out-of-range', { role, layer, last: last === 0 ? undefined : last }, fix);
}

/** Scores of attention are a head's, and no head of one model is known to do what one of another place does in the other. */
function checkHeads({ distillation, student: spec }: Experiment, facts: ModelFacts, findings: Findings): void {
  const { teacher, student } = facts;
  if (distillation.attention === undefined || teacher === undefined || student === undefined) return;
  if (isOpaque(teacher) || teacher.heads === student.heads) return;
  const at: Path = ['student', 'architecture', 'heads'];
  const isNamed = spec.preset === undefined && spec.architecture !== undefined;
  const fits = isNamed && student.hiddenSize % teacher.heads === 0;
  const path: Path = isNamed ? at : ['distillation', 'attention'];
  const heads = { student: student.heads, teacher: teacher.heads };
  const fixes = fits ? [setValue(at, teacher.heads)] : [removeKey(['distillation', 'attention'])];
  findings.error(path, 'attention-of-other-heads', heads, ...fixes);
}

/** Relation heads are made anew of both models' vectors, whatever their heads are: they need but divide each. */
function checkRelationHeads({ distillation }: Experiment, { teacher, student }: ModelFacts, findings: Findings): void {
  const { relations } = distillation;
  if (relations === undefined || teacher === undefined || student === undefined || isOpaque(teacher)) return;
  const vectors = relatedVectors(relations.of, { teacher, student });
  const heads = relationHeads(relations, student);
  const undivided = vectors.find(({ width }) => width % heads !== 0);
  if (undivided === undefined) return;
  const at: Path = ['distillation', 'relations', 'heads'];
  const divisors = nearestDivisors(vectors.map(({ width }) => width).reduce(commonDivisor), heads);
  const fixes = divisors.map((one) => setValue(at, one));
  const { role, kind, width } = undivided;
  const told = { heads, role, kind, width, divisors };
  if (relations.heads === undefined) findings.error(at.slice(0, -1), 'relation-heads-of-student', told, ...fixes);
  else findings.error(at, 'relation-heads-do-not-divide', told, ...fixes);
}

/** The greatest (Euclid). */
const commonDivisor = (a: number, b: number): number => (b === 0 ? a : commonDivisor(b, a % b));
