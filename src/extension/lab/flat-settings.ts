/** @file An experiment's settings by their paths, so that two experiments can be held against each other. */

import type { ResolvedExperiment } from '../../experiment/file/schema';

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
