/** @file The members of an ensemble: those that are written, one for each seed, and the shares of their weights. */

import type { EnsembleSpec, MemberSpec, SingleSpec, TeacherSpec, TrainedSpec } from './file/blocks/teacher';

/** Models in all; each of `seeds` is one. */
export function memberCount({ teachers }: EnsembleSpec): number {
  return teachers.reduce((sum, member) => sum + (member.source === 'train' ? (member.seeds ?? 1) : 1), 0);
}

/** With a member for each seed, and weights whose sum is 1: one written weight is shared by its seeds. */
export function expandedEnsemble(ensemble: EnsembleSpec): EnsembleSpec & { weights: number[] } {
  const given = ensemble.weights ?? ensemble.teachers.map(() => 1);
  const all = given.reduce((a, b) => a + b, 0);
  const weighted = ensemble.teachers.flatMap((member, i): { member: MemberSpec; weight: number }[] => {
    const weight = given[i]! / all;
    if (member.source !== 'train') return [{ member, weight }];
    const { seeds = 1, ...one } = member;
    return Array.from({ length: seeds }, (_, k) => ({
      member: { ...one, training: { ...one.training, seed: one.training.seed + k } },
      weight: weight / seeds,
    }));
  });
  return {
    ...ensemble,
    teachers: weighted.map(({ member }) => member),
    weights: weighted.map(({ weight }) => weight),
  };
}

/** Members of a resolved teacher with their weights: itself alone, unless it is an ensemble. */
export function membersOf(teacher: TeacherSpec | SingleSpec): { member: SingleSpec; weight: number }[] {
  if (teacher.source !== 'ensemble') return [{ member: teacher, weight: 1 }];
  const { teachers, weights } = expandedEnsemble(teacher);
  return teachers.map((member, i) => ({ member, weight: weights[i]! }));
}

/** Whether the run trains this one model itself, from random weights or from a checkpoint's. */
export const isTrained = (model: SingleSpec | EnsembleSpec): model is TrainedSpec =>
  model.source === 'train' || (model.source === 'checkpoint' && model.training !== undefined);

const modelsOf = (teacher: TeacherSpec): readonly SingleSpec[] =>
  teacher.source === 'ensemble' ? teacher.teachers : [teacher];

/** Whether all of a teacher is trained by the run itself, so that its classes are those of the training rows. */
export const isTrainedHere = (teacher: TeacherSpec): boolean => modelsOf(teacher).every(isTrained);

/** Whether all of a teacher starts from random weights, so that no folder has its tokenizer. */
export const isMadeFromNothing = (teacher: TeacherSpec): boolean =>
  modelsOf(teacher).every(({ source }) => source === 'train');

/** An ensemble of which some members are ONNX files. */
export const hasOnnxMember = (teacher: TeacherSpec): boolean =>
  teacher.source === 'ensemble' && teacher.teachers.some(({ source }) => source === 'onnx');

/** As comparison and warnings name a member of an ensemble, counted from 0. */
export const memberName = (index: number): string => `teacher ${index + 1}`;
