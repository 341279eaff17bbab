/** @file What the Lab's page needs to know of an experiment. */

import type { ArchitectureSpec, ResolvedExperiment } from '../../experiment/file/schema';
import type { ExperimentFacts, ModelShape } from '../../protocol/lab-data';
import { isSoftened } from '../../protocol/softened';

export function experimentFacts({ teacher, student, distillation, training }: ResolvedExperiment): ExperimentFacts {
  const { divergence, scaleByTemperatureSquared, hidden } = distillation;
  const { clipNorm, schedule, evaluateEvery } = training;
  return {
    student: shapeOf(student.architecture),
    // The architecture of a folder or of another run is not in the experiment.
    ...(teacher.source === 'train' ? { teacher: shapeOf(teacher.architecture) } : {}),
    divergence,
    scaleByTemperatureSquared: scaleByTemperatureSquared && isSoftened(divergence),
    ...(hidden ? { hidden: { weight: hidden.weight, layers: hidden.layers } } : {}),
    ...(typeof clipNorm === 'number' ? { clipNorm } : {}),
    schedule,
    evaluateEvery,
  };
}

function shapeOf({ family, layers, hiddenSize }: ArchitectureSpec): ModelShape {
  return { family, layers, hiddenSize };
}
