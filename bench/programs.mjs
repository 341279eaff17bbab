/** @file What run.mjs bundles: `bench/NAME.ts`. */

export const programs = [
  'main',
  'step',
  'profile',
  'rate',
  'whole',
  'whole-side',
  'growth',
  'curves',
  'run-list',
  'load',
  'beside',
  'generation',
  'jax-js',
  'open',
  'update',
  'memory',
  'torchrun',
  'student',
  'start',
  'on-policy',
];
