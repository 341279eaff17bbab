/** @file The commands, by id. A test compares this list with the manifest; a missing handler does not compile. */

export const commandIds = [
  'distillery.createSampleWorkspace',
  'distillery.newExperiment',
  'distillery.runExperiment',
  'distillery.sweepExperiment',
  'distillery.openExperiment',
  'distillery.pauseRun',
  'distillery.stopRun',
  'distillery.resumeRun',
  'distillery.openLab',
  'distillery.compareRuns',
  'distillery.exportStudent',
  'distillery.showLog',
  'distillery.revealRunFolder',
  'distillery.deleteRun',
  'distillery.restoreRun',
  'distillery.emptyTrash',
  'distillery.refresh',
  'distillery.showMoreRuns',
  'distillery.inspectDataset',
  'distillery.inspectSelection',
  'distillery.nextDisagreement',
  'distillery.previousDisagreement',
  'distillery.chooseTemperature',
  'distillery.openRowInLab',
  'distillery.stopInspecting',
] as const;

export type CommandId = (typeof commandIds)[number];
