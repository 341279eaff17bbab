/** @file The extension's entry: creates its features, nothing else. */

import { Uri, window, type ExtensionContext } from 'vscode';
import { registerCommands } from './extension/base/commands';
import { installLibrary, measureDevices, removeLibrary } from './extension/devices/device-commands';
import { exportStudent } from './extension/runs/export-student';
import { compareRuns, openExperiment, openLab, revealRunFolder, showLog } from './extension/lab/lab-commands';
import { newExperiment } from './extension/experiments/new-experiment';
import { requireTrust } from './extension/base/require-trust';
import { pauseRun, resumeRun, runControl, runExperiment, stopRun } from './extension/runs/run-commands';
import { createSampleWorkspace } from './extension/experiments/sample-workspace';
import { deleteRuns, emptyRunTrash, registerTrashKey, restoreDeleted } from './extension/runs/trash-commands';
import { ContextKeys } from './extension/base/context-keys';
import { DatasetList } from './extension/datasets/dataset-list';
import { registerDatasetProblems } from './extension/datasets/dataset-problems';
import { DeviceList } from './extension/devices/device-list';
import { ExperimentFiles } from './extension/experiments/experiment-files';
import { goToDisagreement } from './extension/inspection/disagreements';
import { Heat } from './extension/inspection/heat';
import { HeatPainter } from './extension/inspection/heat-painter';
import { registerHints } from './extension/inspection/hints';
import { registerHover } from './extension/inspection/hover';
import {
  chooseTemperature,
  inspectDataset,
  inspectSelection,
  openRowInLab,
  stopInspecting,
} from './extension/inspection/inspection-commands';
import { registerInspectionKey } from './extension/inspection/inspection-key';
import { Inspections } from './extension/inspection/inspections';
import { registerRowLenses } from './extension/inspection/row-lenses';
import { registerRowsDocuments } from './extension/inspection/rows-document';
import { SelectionInspector } from './extension/inspection/selection-inspector';
import { registerViewport } from './extension/inspection/viewport';
import { registerCodeLenses } from './extension/experiments/code-lenses';
import { registerCompletions } from './extension/experiments/completions';
import { registerDiagnostics } from './extension/experiments/diagnostics';
import { ExperimentProblems } from './extension/experiments/experiment-problems';
import { registerOutline } from './extension/experiments/outline';
import { registerQuickFixes } from './extension/experiments/quick-fixes';
import { registerResultHints } from './extension/experiments/result-hints';
import { ModelServer } from './extension/models/model-server';
import { Lab } from './extension/lab/lab';
import { RunList, type ListedRun } from './extension/runs/run-list';
import { runnerStarter } from './extension/runs/runner-process';
import { registerAnnouncements } from './extension/runs/announcements';
import { registerRunLog } from './extension/runs/run-log';
import { registerStatusBar } from './extension/runs/status-bar';
import {
  describeRunTool,
  inspectTextTool,
  listRunsTool,
  runExperimentTool,
  validateExperimentTool,
} from './extension/tools/run-tools';
import { registerTools } from './extension/tools/tools';
import { registerDatasetsView } from './extension/datasets/datasets-view';
import { registerDevicesView } from './extension/devices/devices-view';
import { ExperimentTree } from './extension/experiments/experiment-tree';
import { registerExperimentsView, selection } from './extension/experiments/experiments-view';

export function activate({
  extensionUri,
  globalStorageUri,
  logUri,
  subscriptions,
  workspaceState,
}: ExtensionContext): void {
  const log = window.createOutputChannel('Distillery', { log: true });
  const report = (error: unknown): void => log.error(error instanceof Error ? error : String(error));
  const program = Uri.joinPath(extensionUri, 'dist', 'runner.js').fsPath;
  const media = Uri.joinPath(extensionUri, 'media');

  const keys = new ContextKeys();
  const runs = new RunList();
  const files = new ExperimentFiles();
  const tree = new ExperimentTree(runs, files);
  const datasets = new DatasetList(files, report);
  const models = new ModelServer(program, (line) => log.warn(line), requireTrust);
  const lab = new Lab(runs, models, extensionUri);
  const problems = new ExperimentProblems(report);
  const inspections = new Inspections(runs, models, workspaceState, report);
  const [rowPainter, selectionPainter] = [new HeatPainter(media), new HeatPainter(media)];
  const selections = new SelectionInspector(models, selectionPainter);

  const show = (run: ListedRun): void => lab.open(run);
  const libraries = { DISTILLERY_LIBRARIES: Uri.joinPath(globalStorageUri, 'libraries').fsPath };
  const startRunner = runnerStarter(program, logUri.fsPath, libraries);
  const running = { runs, startRunner, log, show };
  const devices = new DeviceList(startRunner, logUri.fsPath, requireTrust);
  const deviceParts = { devices, startRunner, cwd: logUri.fsPath, log };
  const trash = { runs, keys };
  const inspecting = { runs, inspections, selections };

  const experiments = registerExperimentsView(tree, runs, keys);

  subscriptions.push(
    ...[log, runs, files, tree, datasets, lab, models, problems, inspections, rowPainter, selectionPainter, selections],
    experiments,
    registerDatasetsView(datasets, inspections),
    devices,
    registerDevicesView(devices, runs, keys, report),
    registerStatusBar(runs),
    registerRunLog(runs, log),
    registerAnnouncements(runs, (id) => lab.isShown(id)),
    registerDiagnostics(problems),
    registerQuickFixes(problems),
    registerCompletions(runs),
    registerCodeLenses(runs),
    registerResultHints(runs),
    registerOutline(),
    registerDatasetProblems(files, report),
    registerRowsDocuments(),
    registerViewport(inspections, report),
    new Heat(inspections, rowPainter),
    registerHover(inspections, selections),
    registerHints(inspections),
    registerRowLenses(inspections),
    registerInspectionKey(inspections, keys),
    registerTrashKey(trash),
    registerTools({
      distillery_list_runs: listRunsTool(runs),
      distillery_describe_run: describeRunTool(runs),
      distillery_validate_experiment: validateExperimentTool(),
      distillery_run_experiment: runExperimentTool(running),
      distillery_inspect_text: inspectTextTool(runs, models),
    }),
    registerCommands(log, {
      'distillery.createSampleWorkspace': (folder) => createSampleWorkspace(extensionUri, folder),
      'distillery.newExperiment': newExperiment,
      'distillery.runExperiment': (file) => runExperiment(running, file),
      'distillery.sweepExperiment': (file) => runExperiment(running, file, 'sweep'),
      'distillery.openExperiment': (row) => openExperiment(runs, row),
      'distillery.pauseRun': (run) => pauseRun(running, run),
      'distillery.stopRun': (run) => stopRun(running, run),
      'distillery.resumeRun': (run) => resumeRun(running, run),
      'distillery.runControl': (run) => runControl(running, run),
      'distillery.openLab': (run, from) => openLab(runs, lab, run, from),
      'distillery.compareRuns': (run, selected) => compareRuns(runs, lab, run, selected),
      'distillery.exportStudent': (run, folder) => exportStudent(runs, run, folder),
      'distillery.showLog': (run) => showLog(runs, log, run),
      'distillery.revealRunFolder': (run) => revealRunFolder(runs, run),
      'distillery.deleteRun': (run, selected) =>
        deleteRuns(trash, run, run === selection ? experiments.selected() : selected),
      'distillery.restoreRun': (folder) => restoreDeleted(trash, folder),
      'distillery.emptyTrash': () => emptyRunTrash(trash),
      'distillery.installOpenVino': (given) => installLibrary(deviceParts, 'openvino', given),
      'distillery.installTensorFlow': (given) => installLibrary(deviceParts, 'tensorflow', given),
      'distillery.installTensorFlowGpu': (given) => installLibrary(deviceParts, 'tensorflow-gpu', given),
      'distillery.removeLibrary': (row) => removeLibrary(deviceParts, row),
      'distillery.measureDevices': () => measureDevices(deviceParts),
      'distillery.refreshDevices': () => devices.refresh(),
      'distillery.refresh': () => runs.refresh(),
      'distillery.showMoreRuns': (file) => tree.showMore(String(file)),
      'distillery.inspectDataset': (file, run) => inspectDataset(inspecting, file, run),
      'distillery.inspectSelection': (run) => inspectSelection(inspecting, run),
      'distillery.nextDisagreement': () => goToDisagreement(inspections, 1),
      'distillery.previousDisagreement': () => goToDisagreement(inspections, -1),
      'distillery.chooseTemperature': (temperature) => chooseTemperature(inspecting, temperature),
      'distillery.openRowInLab': () => openRowInLab(inspecting),
      'distillery.stopInspecting': () => stopInspecting(inspecting),
    }),
  );
}
