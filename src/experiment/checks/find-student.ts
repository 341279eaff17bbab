/** @file The student as a folder, its sizes or a preset say it is, and how it may start from its teacher. */

import { type Architecture, headSizeOf, isOpaque, keyValueHeadsOf } from '../../model/architecture';
import { initializationProblem, spreadLayers, withSettingsOf } from '../../model/parameters';
import type { Complaint } from '../../protocol/problem';
import type { StudentPreset } from '../../protocol/student-presets';
import { phrase } from '../../protocol/problems/phrases';
import { studentAlternatives, studentOf } from '../student-alternatives';
import { buildArchitecture, comparedWith, headOfTask, type ArchitectureContext } from '../architecture';
import { removeKey, setValue } from '../file/fixes';
import type { ArchitectureSpec } from '../file/blocks/architecture';
import type { Experiment } from '../file/schema';
import type { Path } from '../file/source';
import type { DatasetFacts } from './check-dataset';
import type { Findings } from './findings';
import { locateModel } from './locate-model';
import { type ModelFacts, classesIn, problemTypeIn } from './model-facts';
import { readModel } from './find-teacher';

/** Of a student that starts from a folder, which names its sizes. */
export async function readStudent(
  { student, task }: Experiment,
  dataset: DatasetFacts | undefined,
  facts: ModelFacts,
  findings: Findings,
  sizesAlone: boolean,
): Promise<void> {
  if (student.initialize.from !== 'checkpoint') return;
  const path: Path = ['student', 'initialize', 'path'];
  const found = await findings.attempt(locateModel(student.initialize.path, findings.base), path);
  if (found === undefined) return;
  const folder = found.path;
  facts.studentFolder = folder;
  const labels = facts.teacher?.labels ?? classesIn(dataset);
  const architecture = await findings.attempt(
    readModel(folder, { head: headOfTask[task], labels, problemType: problemTypeIn(dataset) }, sizesAlone),
    path,
  );
  if (architecture === undefined) return;
  facts.student = comparedWith(architecture, facts.teacher);
  findings.check(() => checkAgreement(student.architecture, architecture, findings));
}

export function buildStudent(
  experiment: Experiment,
  context: ArchitectureContext,
  facts: ModelFacts,
  findings: Findings,
): void {
  const { student } = experiment;
  if (student.preset !== undefined) {
    buildPreset(experiment, student.preset, facts, findings);
    return;
  }
  if (student.architecture === undefined || findings.isFaulty(['student', 'architecture'])) return;
  const { initialize } = student;
  const { teacher } = facts;
  if (initialize.from !== 'teacher' || teacher === undefined || isOpaque(teacher)) {
    facts.student = buildArchitecture(student.architecture, context);
    return;
  }
  const spec = { intermediateSize: innerSizeLike(teacher, student.architecture), ...student.architecture };
  const layers = initialize.layers ?? spreadLayers(teacher.layers, spec.layers);
  facts.student = withSettingsOf(teacher, buildArchitecture(spec, context), layers);
}

function buildPreset(
  { task, teacher: { source } }: Experiment,
  preset: StudentPreset,
  facts: ModelFacts,
  findings: Findings,
): void {
  const { teacher } = facts;
  const path: Path = ['student', 'preset'];
  if (source === 'endpoint') {
    findings.error(path, 'endpoint-without-sizes', {});
    return;
  }
  if (teacher === undefined || findings.isFaulty(['student'])) return;
  if (isOpaque(teacher)) {
    findings.error(path, 'teacher-without-sizes', {});
    return;
  }
  const found = studentOf(preset, teacher, task, source === 'ensemble');
  if (!found) {
    const others = studentAlternatives(teacher, task, source === 'ensemble').map((one) => one.preset);
    const named = others.map((one) => JSON.stringify(one));
    const what = { preset: JSON.stringify(preset), others: named.length > 0 ? named : undefined };
    findings.error(path, 'preset-impossible', what, ...others.map((one) => setValue(path, one)));
    return;
  }
  facts.student = found.model;
  facts.presetStart = found.initialize;
}

/** Of an MLP whose width is not named: as large a share of the teacher's as the hidden states have of its. */
function innerSizeLike(teacher: Architecture, { family, hiddenSize }: ArchitectureSpec): number | undefined {
  if (family !== teacher.family) return undefined;
  return Math.max(1, Math.round((teacher.intermediateSize * hiddenSize) / teacher.hiddenSize));
}

const sizes = ['family', 'hiddenSize', 'layers', 'heads', 'keyValueHeads', 'intermediateSize', 'maxPositions'] as const;

/** Sizes that an experiment names beside the folder's must be the same. */
function checkAgreement(named: ArchitectureSpec | undefined, found: Architecture, findings: Findings): void {
  if (named === undefined) return;
  const path: Path = ['student', 'architecture'];
  for (const key of sizes) {
    findings.check(() => {
      const value = named[key];
      const wanted = key === 'keyValueHeads' ? keyValueHeadsOf(found) : found[key];
      if (value === undefined || value === wanted) return;
      const fixes = [setValue([...path, key], wanted), removeKey(path)];
      findings.error([...path, key], 'architecture-differs', { key, value, found: wanted }, ...fixes);
    });
  }
}

export function checkInitialization(experiment: Experiment, facts: ModelFacts, findings: Findings): void {
  const { student: spec } = experiment;
  const { teacher, student } = facts;
  if (teacher === undefined || isOpaque(teacher) || student === undefined) return;
  if (experiment.teacher.source === 'ensemble') return;
  const initialize = facts.presetStart ?? spec.initialize;
  if (initialize.from !== 'teacher') return;
  const layers = initialize.layers ?? spreadLayers(teacher.layers, student.layers);
  const problem = initializationProblem(student, teacher, layers);
  if (problem === undefined) facts.initialLayers = layers;
  else if (sizeInComplaint(problem) !== undefined) {
    const size = sizeInComplaint(problem)!;
    const { fitting, keyValueHeads, teacher: wanted } = problem.arguments;
    const value = fitting ?? keyValueHeads ?? wanted;
    const path: Path = ['student', 'architecture'];
    const heads = student.hiddenSize / headSizeOf(teacher);
    const isOfHeads = fitting !== undefined && Number.isInteger(heads) && heads <= teacher.heads;
    const fixes = [setValue([...path, size], value), ...(isOfHeads ? [setValue([...path, 'heads'], heads)] : [])];
    findings.object([...path, size], problem, ...fixes);
  } else {
    const path = ['student', 'initialize', 'layers'];
    const spread = spreadLayers(teacher.layers, student.layers);
    const canSpread = initializationProblem(student, teacher, spread) === undefined;
    const fixes = canSpread ? [setValue(path, spread, phrase('spread-blocks', { layers: spread }))] : [];
    findings.object(path, problem, ...fixes);
  }
}

/** The size of the student's architecture that keeps it from starting so. */
function sizeInComplaint({ code, arguments: { width } }: Complaint): (typeof sizes)[number] | undefined {
  if (code === 'start-of-other-head-size') return 'hiddenSize';
  if (code === 'start-with-more-queries-shared') return 'keyValueHeads';
  return sizes.find((size) => size === width);
}
