/**
 * @file What each menu, welcome text and key of the manifest offers, and where. The journeys look for exactly this in the editor;
 * the inventory holds it against the manifest. Commands without their `distillery.`.
 */

import type { CommandId } from '../../src/extension/base/command-ids';

type Short<Id> = Id extends `distillery.${infer Name}` ? Name : never;
export type Command = Short<CommandId>;

/** Icons first, then the groups of the menu in their order. */
export interface Offer {
  inline: Command[];
  menu: Command[][];
}

const nothing: Offer = { inline: [], menu: [] };
const look: Command[] = ['openLab', 'compareRuns', 'openExperiment', 'showLog', 'revealRunFolder'];
const withoutFile: Command[] = ['openLab', 'compareRuns', 'showLog', 'revealRunFolder'];

/** Right-clicked rows of the views. */
export const rows = {
  experiment: {
    inline: ['runExperiment', 'openExperiment'],
    menu: [['runExperiment', 'runExperimentOn', 'sweepExperiment', 'studyExperiment'], ['openExperiment']],
  },
  'experiment whose file is gone': nothing,
  'running run': { inline: ['pauseRun', 'stopRun', 'openLab'], menu: [look, ['pauseRun', 'stopRun']] },
  'paused run': { inline: ['resumeRun', 'stopRun', 'openLab'], menu: [look, ['resumeRun', 'stopRun']] },
  'queued run': { inline: ['runNow', 'stopRun', 'openLab'], menu: [look, ['runNow', 'stopRun']] },
  'failed run': { inline: ['resumeRun', 'openLab'], menu: [look, ['resumeRun'], ['deleteRun']] },
  'stopped run': { inline: ['resumeRun', 'openLab'], menu: [look, ['resumeRun'], ['deleteRun']] },
  'finished run': { inline: ['openLab'], menu: [look, ['exportStudent'], ['deleteRun']] },
  'run of a sweep': { inline: ['openLab'], menu: [look, ['exportStudent'], ['deleteRun']] },
  'run without a control': { inline: ['openLab'], menu: [look, ['runControl'], ['exportStudent'], ['deleteRun']] },
  'run whose file is gone': { inline: ['openLab'], menu: [withoutFile, ['exportStudent'], ['deleteRun']] },
  'several runs': { inline: ['openLab'], menu: [['compareRuns'], ['deleteRun']] },
  'row of a comparison': nothing,
  'folder of datasets': nothing,
  dataset: { inline: ['inspectDataset'], menu: [['inspectDataset', 'newExperiment']] },
  'label of a dataset': nothing,
  device: nothing,
  'device without OpenVINO': { inline: ['installOpenVino'], menu: [['installOpenVino']] },
  'device without TensorFlow': { inline: ['installTensorFlow'], menu: [['installTensorFlow']] },
  'device without TensorFlow for GPUs': { inline: ['installTensorFlowGpu'], menu: [['installTensorFlowGpu']] },
  'device with a library': { inline: [], menu: [['removeLibrary']] },
  models: { inline: ['fetchModel'], menu: [['fetchModel', 'setHubToken']] },
  'model that is here': nothing,
  hosts: { inline: ['addHost'], menu: [['addHost']] },
  host: { inline: ['checkHost'], menu: [['checkHost'], ['removeHost']] },
} satisfies Record<string, Offer>;

export type Row = keyof typeof rows;

const install: Command[] = ['installOpenVino', 'installTensorFlow', 'installTensorFlowGpu'];

/** Titles of the views: their icons, and the menu behind the dots. */
export const titles = {
  Experiments: { inline: ['newExperiment', 'refresh'], menu: [['createSampleWorkspace'], ['showLog']] },
  'Experiments, a run being deleted': {
    inline: ['newExperiment', 'refresh'],
    menu: [['createSampleWorkspace'], ['restoreRun', 'emptyTrash'], ['showLog']],
  },
  'Experiments, not trusted': { inline: ['refresh'], menu: [['createSampleWorkspace'], ['showLog']] },
  Devices: { inline: ['measureDevices', 'refreshDevices'], menu: [[...install, 'fetchModel', 'addHost']] },
  'Devices, a library being installed': {
    inline: ['measureDevices', 'refreshDevices'],
    menu: [[...install, 'fetchModel', 'addHost'], ['removeLibrary']],
  },
  'Devices, not trusted': nothing,
} satisfies Record<string, Offer>;

/** The button to run, above an experiment file: a click does the first, its arrow shows all. */
export const runButton: Command[] = ['runExperiment', 'runExperimentOn', 'studyExperiment', 'sweepExperiment'];

/** Icons above an editor. */
export const editorTitles = {
  dataset: ['inspectDataset'],
  'inspected dataset': ['nextDisagreement', 'stopInspecting'],
  'any other file': [],
} satisfies Record<string, Command[]>;

/** The menu of a text. */
export const editorMenus = {
  'selected text': [['inspectSelection']],
  'selection in an inspected dataset': [['inspectSelection', 'openRowInLab']],
  'inspected dataset': [['openRowInLab']],
  'text without a selection': [],
} satisfies Record<string, Command[][]>;

/** The menu of a file in the explorer. */
export const explorerMenus = {
  'experiment file': [['runExperiment', 'runExperimentOn']],
  dataset: [['newExperiment', 'inspectDataset']],
  'any other file': [],
  'folder named as a dataset': [],
} satisfies Record<string, Command[][]>;

const always: Command[] = ['createSampleWorkspace', 'showLog'];
const devices: Command[] = [
  ...install,
  'measureDevices',
  'refreshDevices',
  'fetchModel',
  'setHubToken',
  'setEndpointKey',
  'addHost',
  'checkHost',
  'removeHost',
];

/** What the palette has. */
export const palette = {
  'no folder': [...always, ...devices],
  'a folder without runs': [
    ...always,
    ...devices,
    ...(['newExperiment', 'runExperiment', 'runExperimentOn', 'sweepExperiment', 'studyExperiment'] as const),
    ...(['openExperiment', 'refresh'] as const),
  ],
  /** That is all but what only a row can say. */
  'runs in each state, one deleted, a dataset being inspected, a library being installed': [
    ...always,
    ...devices,
    ...(['newExperiment', 'runExperiment', 'runExperimentOn', 'sweepExperiment', 'studyExperiment'] as const),
    ...(['openExperiment', 'refresh'] as const),
    ...(['pauseRun', 'runNow', 'stopRun', 'resumeRun', 'runControl', 'exportStudent', 'deleteRun'] as const),
    ...(['restoreRun', 'emptyTrash', 'openLab', 'compareRuns', 'revealRunFolder'] as const),
    ...(['inspectDataset', 'inspectSelection', 'nextDisagreement', 'previousDisagreement'] as const),
    ...(['chooseTemperature', 'openRowInLab', 'stopInspecting', 'removeLibrary'] as const),
  ],
  'a folder that is not trusted': [
    ...always,
    ...(['openExperiment', 'refresh', 'openLab', 'compareRuns', 'revealRunFolder'] as const),
  ],
} satisfies Record<string, Command[]>;

/** A row is the only one who can say which. */
export const neverInPalette: Command[] = ['showMoreRuns'];

const all = (offers: Record<string, Offer>, part: (offer: Offer) => Command[]): Command[] =>
  Object.values(offers).flatMap(part);
const entries = (menus: Record<string, Command[][]>): Command[] => Object.values(menus).flat(2);

/** By menu of the manifest, `inline` apart from the others, what is seen in some of the places above. */
export const seen: Record<string, Command[]> = {
  commandPalette: Object.values(palette).flat(),
  'view/item/context inline': all(rows, ({ inline }) => inline),
  'view/item/context': all(rows, ({ menu }) => menu.flat()),
  'view/title navigation': all(titles, ({ inline }) => inline),
  'view/title': all(titles, ({ menu }) => menu.flat()),
  'editor/title navigation': Object.values(editorTitles).flat(),
  'editor/title/run': runButton,
  'editor/context': entries(editorMenus),
  'explorer/context': entries(explorerMenus),
};

/** What an empty view says, by its words in package.nls.json: the links, and the one that is followed. */
export const welcomes = {
  'welcome.empty': ['New Experiment…', 'Create Sample Workspace'],
  'welcome.noFolder': ['Create Sample Workspace', 'Open Folder'],
  'welcome.untrusted': ['Manage Workspace Trust'],
  'welcome.noDatasets': ['New Experiment…'],
  'welcome.untrustedDatasets': ['Manage Workspace Trust'],
  'welcome.devices': ['Refresh Devices'],
  'welcome.untrustedDevices': ['Manage Workspace Trust'],
} satisfies Record<string, string[]>;

/** Keys as the journeys press them. */
export const keys: Record<string, { command: Command; journey: string; pressed: string }> = {
  f8: { command: 'nextDisagreement', journey: 'lab.journey.ts', pressed: "follow('F8')" },
  'shift+f8': { command: 'previousDisagreement', journey: 'lab.journey.ts', pressed: "follow('Shift+F8')" },
  'ctrl+alt+enter': {
    command: 'runExperiment',
    journey: 'first-run.journey.ts',
    pressed: "press('Control+Alt+Enter')",
  },
  delete: { command: 'deleteRun', journey: 'experiments.journey.ts', pressed: "press('Delete')" },
};
