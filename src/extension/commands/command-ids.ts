/** @file The commands, by id. A test compares this list with the manifest; a missing handler does not compile. */

export const commandIds = [
  'distillery.createSampleWorkspace',
  'distillery.runExperiment',
  'distillery.stopRun',
  'distillery.resumeRun',
  'distillery.openLab',
  'distillery.showLog',
  'distillery.revealRunFolder',
] as const;

export type CommandId = (typeof commandIds)[number];
