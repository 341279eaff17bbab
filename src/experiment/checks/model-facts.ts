/** @file What can be known of an experiment's models before the run. */

import { type Architecture, type ProblemType, problemTypeOf, type TeacherModel } from '../../model/architecture';
import type { StudentAlternative } from '../student-alternatives';
import type { Path } from '../file/source';
import type { DatasetFacts } from './check-dataset';

/** The models of an experiment, as far as they can be known before the run. Folders are absolute. */
export interface ModelFacts {
  teacherFolder?: string;
  teacher?: TeacherModel;
  /** Of ONNX files: themselves, and those that their weights lie in. */
  teacherFiles?: readonly string[];
  /** An ensemble's members that are there before the run, and where the experiment names them; `teacher` stands for all. */
  members?: { folder: string; model: TeacherModel; path: Path }[];
  /** Absent where the tokenizer is trained by the run. */
  tokenizerFolder?: string;
  studentFolder?: string;
  student?: Architecture;
  /** The teacher's block for each of the student's, where it starts from them. */
  initialLayers?: number[];
  /** How a student starts that the experiment names by a preset. */
  presetStart?: StudentAlternative['initialize'];
}

/** Classes of the rows. Where they are not known, two stand for them: only sizes are compared. */
export const classesIn = (dataset: DatasetFacts | undefined): readonly string[] =>
  dataset !== undefined && dataset.labels.length > 0 ? dataset.labels : ['0', '1'];

export const problemTypeIn = (dataset: DatasetFacts | undefined): ProblemType =>
  problemTypeOf[dataset?.kind ?? 'single'];
