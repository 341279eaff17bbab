/** @file Looks whether the teacher knows anything, before a student learns from it. */

import { Evaluator } from '../../distill/evaluation/evaluator';
import { FrozenTeacher, type Teacher } from '../../distill/teacher/teacher';
import { readRecords } from '../../run-directory/record-file';
import type { Metrics } from '../../protocol/records';
import { teacherAlert } from '../alerts/teacher-baseline';
import { bestEvaluation } from '../alerts/training-watch';
import { isBegun } from './checkpoints';
import { KeptJudgement } from './kept-judgement';
import type { LoadedTeacher } from './loaded-teacher';
import { asTeacherReads, batchesOf, evaluationShapes, type PreparedRun } from './prepared-run';

/** Warns of a teacher that is no better on validation than what knows nothing. Not again where the student has begun. */
export async function checkTeacher(run: PreparedRun, loaded: LoadedTeacher): Promise<void> {
  const { experiment, paths, recorder } = run;
  if (await isBegun(paths)) return;
  const kept = await KeptJudgement.of(run, loaded);
  const known = await kept?.restore();
  const metrics = known ?? (await teacherMetrics(run, loaded.frozen));
  if (!known) await kept?.keep(metrics);
  const { train, validation, labels, tokenizer } = asItPredicts(run).data;
  const baseline = { task: experiment.task, train, validation, labels, vocabulary: tokenizer.vocabularySize };
  const found = teacherAlert(metrics, baseline);
  if (found) await recorder.alert({ ...found, step: 0, role: 'teacher', name: 'teacher' });
}

/** A language model predicts tokens of its own. */
const asItPredicts = (run: PreparedRun): PreparedRun =>
  run.experiment.task === 'causal-lm' ? asTeacherReads(run) : run;

/** On validation: those of its best checkpoint where it was trained here. */
async function teacherMetrics(run: PreparedRun, teacher: Teacher): Promise<Metrics> {
  const { experiment, paths, executor, known } = run;
  const best = teacher instanceof FrozenTeacher && bestEvaluation(await readRecords(paths.teacher, 'evaluations'));
  if (best) return best.metrics;
  const asked = asItPredicts(run);
  const batches = batchesOf(asked, asked.data.validation);
  // As the student is held against it, so that it need not be asked again.
  const { architecture: model } = teacher;
  const evaluator = new Evaluator({ executor, task: experiment.task, model, teacher, batches, known });
  run.ahead.begin(evaluator.programsOfTeacher(evaluationShapes(asTeacherReads(run))));
  const metrics = await evaluator.evaluateTeacher();
  await evaluator.release();
  return metrics;
}
