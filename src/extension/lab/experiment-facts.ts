/** @file What the Lab's page needs to know of an experiment: facts, and settings by their paths. */

import { nameOfEndpoint } from '../../experiment/endpoint';
import { isTrained } from '../../experiment/ensemble';
import type { ArchitectureSpec } from '../../experiment/file/blocks/architecture';
import type { ResolvedExperiment } from '../../experiment/file/schema';
import type { ExperimentFacts, ModelShape } from '../../protocol/lab-data';
import { isSoftened } from '../../protocol/divergences';
import { ofEachImitation } from '../../protocol/imitation';

export function experimentFacts({
  task,
  teacher,
  student,
  distillation,
  training,
}: ResolvedExperiment): ExperimentFacts {
  const { divergence, scaleByTemperatureSquared } = distillation;
  const { clipNorm, schedule, evaluateEvery } = training;
  return {
    student: shapeOf(student.architecture),
    // The architecture of a folder or of another run is not in the experiment.
    teacher: teacher.source === 'train' ? shapeOf(teacher.architecture) : undefined,
    endpoint: teacher.source === 'endpoint' ? nameOfEndpoint(teacher) : undefined,
    teacherSchedule: isTrained(teacher) ? teacher.training.schedule : undefined,
    divergence,
    scaleByTemperatureSquared: scaleByTemperatureSquared && isSoftened(divergence),
    // A rule has become pairs where the run was begun.
    ...ofEachImitation((name) => {
      const settings = distillation[name];
      return settings && { ...settings, layers: typeof settings.layers === 'string' ? [] : settings.layers };
    }),
    clipNorm: typeof clipNorm === 'number' ? clipNorm : undefined,
    schedule,
    evaluateEvery,
    predictsOtherTokens: (task === 'causal-lm' && distillation.vocabulary === 'align') || undefined,
  };
}

function shapeOf({ family, layers, hiddenSize }: ArchitectureSpec): ModelShape {
  return { family, layers, hiddenSize };
}

/** Parts that say what a run is, not how it was set. */
const identity = ['name', 'file', 'inputs', '$schema'];

/** `training.learningRate` → `0.001`. Lists of plain values stay whole. */
export function flatSettings(experiment: ResolvedExperiment): Record<string, string> {
  const flat: Record<string, string> = {};
  const add = (path: string, value: unknown): void => {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      for (const [key, inner] of Object.entries(value)) add(path === '' ? key : `${path}.${key}`, inner);
    } else if (value !== undefined) {
      flat[path] = typeof value === 'string' ? value : JSON.stringify(value);
    }
  };
  for (const [key, value] of Object.entries(experiment)) if (!identity.includes(key)) add(key, value);
  return flat;
}
