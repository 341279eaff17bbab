/** @file The commands, by the subject that carries them out. A test compares them with the manifest; a missing handler does not compile. */

const bySubject = {
  runs: [
    'distillery.pauseRun',
    'distillery.runNow',
    'distillery.stopRun',
    'distillery.resumeRun',
    'distillery.runControl',
    'distillery.exportStudent',
    'distillery.showLog',
    'distillery.revealRunFolder',
    'distillery.restoreRun',
    'distillery.emptyTrash',
    'distillery.setEndpointKey',
    'distillery.refresh',
  ],
  experiments: [
    'distillery.createSampleWorkspace',
    'distillery.newExperiment',
    'distillery.runExperiment',
    'distillery.runExperimentOn',
    'distillery.sweepExperiment',
    'distillery.studyExperiment',
    'distillery.openExperiment',
    'distillery.showMoreRuns',
    'distillery.deleteRun',
  ],
  inspection: [
    'distillery.inspectDataset',
    'distillery.inspectSelection',
    'distillery.nextDisagreement',
    'distillery.previousDisagreement',
    'distillery.chooseTemperature',
    'distillery.openRowInLab',
    'distillery.stopInspecting',
  ],
  devices: [
    'distillery.installOpenVino',
    'distillery.installTensorFlow',
    'distillery.installTensorFlowGpu',
    'distillery.removeLibrary',
    'distillery.measureDevices',
    'distillery.refreshDevices',
    'distillery.fetchModel',
    'distillery.setHubToken',
    'distillery.addHost',
    'distillery.checkHost',
    'distillery.removeHost',
  ],
  lab: ['distillery.openLab', 'distillery.compareRuns'],
} as const;

/** A folder that has commands. */
export type Subject = keyof typeof bySubject;

export type CommandId<S extends Subject = Subject> = (typeof bySubject)[S][number];

export const commandIds: readonly CommandId[] = Object.values(bySubject).flat();
