/** @file The teacher as it lies in its folder, file or run; the members of an ensemble likewise. */

import { resolve } from 'node:path';
import {
  type Architecture,
  isOpaque,
  type ProblemType,
  sentenceWidth,
  type TeacherModel,
} from '../../model/architecture';
import { requireParameters } from '../../model/files/checkpoint';
import type { NewHead } from '../../model/layouts/config';
import { classesFrom, headOfTask } from '../architecture';
import { setValue } from '../file/fixes';
import type { EnsembleSpec, MemberSpec, OnnxSpec } from '../file/blocks/teacher';
import type { Experiment } from '../file/schema';
import { isTrained } from '../ensemble';
import type { Path } from '../file/source';
import type { DatasetFacts } from './check-dataset';
import { checkHead } from './check-labels';
import type { Findings } from './findings';
import { classesOf, givenFolder, readArchitecture } from './model-folder';
import { readOnnxTeacher, type OnnxTeacher } from './onnx-teacher';
import { type ModelFacts, classesIn, problemTypeIn } from './model-facts';

/** As `readArchitecture`, where the weights are those that the config means: a run would say so only once it is about to train. */
export async function readModel(
  folder: string,
  wanted: NewHead | undefined,
  sizesAlone: boolean,
): Promise<Architecture> {
  const architecture = await readArchitecture(folder, wanted, sizesAlone);
  if (!sizesAlone) await requireParameters(folder, architecture, wanted !== undefined);
  return architecture;
}

export async function findTeacher(
  experiment: Experiment,
  dataset: DatasetFacts | undefined,
  facts: ModelFacts,
  findings: Findings,
  sizesAlone: boolean,
): Promise<void> {
  const { teacher } = experiment;
  if (teacher.source === 'ensemble') return findMembers(experiment, teacher, dataset, facts, findings, sizesAlone);
  if (teacher.source === 'onnx') return findOnnx(experiment, teacher, dataset, facts, findings);
  if (teacher.source === 'train' || teacher.source === 'endpoint') return;
  const path: Path = ['teacher', teacher.source === 'run' ? 'run' : 'path'];
  const folder = await findings.attempt(givenFolder(teacher, findings.base), path);
  if (folder === undefined) return;
  const { task } = experiment;
  const wanted = isTrained(teacher) ? await headFor(task, folder, dataset) : undefined;
  const architecture = await findings.attempt(readModel(folder, wanted, sizesAlone), path);
  if (architecture === undefined) return;
  facts.teacherFolder = folder;
  const { head } = architecture;
  if (head === headOfTask[task]) {
    facts.teacher = architecture;
    if (dataset?.kind) checkHead(architecture, dataset.kind, path, findings);
  } else {
    const fixes = teacher.source === 'checkpoint' ? [setValue(['teacher', 'training'], { epochs: 3 })] : [];
    findings.error(path, 'teacher-unfit-for-task', { head, task }, ...fixes);
  }
}

/** The head that a checkpoint gets, and for which classes. */
async function headFor(task: Experiment['task'], folder: string, dataset: DatasetFacts | undefined): Promise<NewHead> {
  const labels = classesFrom(classesIn(dataset), await classesOf(folder));
  return { head: headOfTask[task], labels, problemType: problemTypeIn(dataset) };
}

/** An ONNX file, of which the header alone is read. */
async function findOnnx(
  { task, dataset: { maxLength } }: Experiment,
  teacher: OnnxSpec,
  dataset: DatasetFacts | undefined,
  facts: ModelFacts,
  findings: Findings,
): Promise<void> {
  const rows = { labels: classesIn(dataset), problemType: problemTypeIn(dataset), maxLength };
  const found = await onnxAt(['teacher', 'path'], teacher.path, task, rows, dataset, findings);
  if (found === undefined) return;
  facts.teacherFolder = found.folder;
  facts.teacherFiles = [found.file.path, ...found.file.external];
  facts.teacher = found.model;
}

/** What its header says; undefined where that cannot be a teacher. */
async function onnxAt(
  path: Path,
  written: string,
  task: Experiment['task'],
  rows: { labels: readonly string[]; problemType: ProblemType; maxLength: number },
  dataset: DatasetFacts | undefined,
  findings: Findings,
): Promise<OnnxTeacher | undefined> {
  const { labels } = rows;
  const file = resolve(findings.base, written);
  const found = await findings.attempt(readOnnxTeacher(file, task, { ...rows, vocabularySize: undefined }), path);
  if (found === undefined) return undefined;
  const { model, width } = found;
  if (dataset?.kind) checkHead(model, dataset.kind, path, findings);
  if (found.assumesClasses && dataset !== undefined) {
    // What the model says of classes is not known to be of these: that is told, and a number that cannot be is refused.
    if (width !== undefined && width !== labels.length) {
      findings.error(path, 'onnx-other-classes', { width, classes: labels.length });
      return undefined;
    }
    findings.warning(path, 'onnx-classes-assumed', { classes: labels.slice(0, 20) });
  }
  return found;
}

async function findMembers(
  { task, dataset, distillation }: Experiment,
  { teachers }: EnsembleSpec,
  data: DatasetFacts | undefined,
  facts: ModelFacts,
  findings: Findings,
  sizesAlone: boolean,
): Promise<void> {
  // Those that are given name the classes of those that are fine-tuned, and of ONNX files that name none.
  const turn = (member: MemberSpec): number => (isTrained(member) ? 2 : Number(member.source === 'onnx'));
  const entries = [...teachers.entries()].sort(([, a], [, b]) => turn(a) - turn(b));
  const add = (folder: string, model: TeacherModel, path: Path): void => {
    const { labels = [], maxPositions } = model;
    const first = facts.teacher?.labels;
    if (first !== undefined && JSON.stringify(first) !== JSON.stringify(labels)) {
      findings.error(path, 'ensemble-classes', { classes: labels.slice(0, 20), first: first.slice(0, 20) });
    }
    const [width, firstWidth] = [model, facts.teacher].map(
      (one) => one && !isOpaque(one) && one.embedding && sentenceWidth(one),
    );
    if (width && firstWidth && width !== firstWidth) {
      findings.error(path, 'ensemble-widths', { width, first: firstWidth });
    }
    const isShared = distillation.vocabulary === 'same';
    if (isShared && facts.teacher !== undefined && maxPositions < dataset.maxLength) {
      const sizes = { maxLength: dataset.maxLength, positions: maxPositions, role: 'teacher' };
      findings.error(['dataset', 'maxLength'], 'examples-longer-than-model', sizes);
    }
    facts.members = [...(facts.members ?? []), { folder, model, path }];
    facts.teacherFolder ??= folder;
    facts.teacher ??= model;
  };
  for (const [i, member] of entries) {
    if (member.source === 'train') continue;
    const path: Path = ['teacher', 'teachers', i, member.source === 'run' ? 'run' : 'path'];
    if (member.source === 'onnx') {
      const labels = facts.teacher?.labels ?? classesIn(data);
      const rows = { labels, problemType: problemTypeIn(data), maxLength: dataset.maxLength };
      const found = await onnxAt(path, member.path, task, rows, data, findings);
      if (found === undefined) continue;
      facts.teacherFiles = [...(facts.teacherFiles ?? []), found.file.path, ...found.file.external];
      add(found.folder, found.model, path);
      continue;
    }
    const isTuned = isTrained(member);
    const folder = await findings.attempt(givenFolder(member, findings.base), path);
    const classes = facts.teacher?.labels;
    const wanted =
      isTuned && folder !== undefined
        ? { ...(await headFor(task, folder, data)), ...(classes && { labels: classes }) }
        : undefined;
    const architecture = folder && (await findings.attempt(readModel(folder, wanted, sizesAlone), path));
    if (folder === undefined || !architecture) continue;
    const { head } = architecture;
    if (head !== headOfTask[task]) {
      findings.error(path, 'teacher-unfit-for-task', { head, task });
      continue;
    }
    if (data?.kind) checkHead(architecture, data.kind, path, findings);
    add(folder, architecture, path);
  }
}
