/** @file `study`: a sweep with a question, which ends with an answer in a sentence, an interval and a picture. */

import path from 'node:path';
import { planStudy, type StudyOptions } from '../../experiment/sweep/study';
import type { StudyKind } from '../../protocol/records';
import { answerOf, studyRunOf } from '../../protocol/study';
import { readRun } from '../../run-directory/run-directory';
import { runsDirectory } from '../../run-directory/run-paths';
import { answerText } from '../report/study-text';
import { writeStudyReport, type ReportedStudy } from '../report/study-report';
import type { RunOutput, StartOptions } from './start-run';
import { runPlan, type SweepResult } from './sweep';

export interface StudyResult extends SweepResult, Pick<ReportedStudy, 'answer' | 'said' | 'directory'> {
  kind: StudyKind;
}

/** Runs what is left of a study, and answers from all that is done. Throws as `runSweep`. */
export async function runStudy(
  kind: StudyKind,
  file: string,
  output: RunOutput,
  options: StudyOptions & StartOptions = {},
): Promise<StudyResult> {
  const plan = await planStudy(file, kind, options);
  const result = await runPlan(plan, file, output, options);
  const runs = await Promise.all(result.rows.map(({ directory }) => readRun(directory)));
  const answer = answerOf(
    kind,
    plan.experiments[0]!.task,
    runs.map(({ record }) => studyRunOf(record)),
    plan.experiments[0]!.dataset.labels,
  );
  const directory = path.join(path.dirname(runsDirectory(file)), 'studies', `${kind}-${result.sweep}`);
  const study = { kind, ...result, directory, answer, said: answerText(answer) };
  await writeStudyReport(study);
  return study;
}
