/** @file The extension's entry: creates what its features share, and has each register itself. */

import { Uri, window, type Disposable, type ExtensionContext } from 'vscode';
import type { Subject } from './extension/base/command-ids';
import { ContextKeys } from './extension/base/context-keys';
import { requireTrust } from './extension/base/require-trust';
import { runnerStarter } from './extension/base/runner-process';
import { registerDatasets } from './extension/datasets/register-datasets';
import { DeviceList } from './extension/devices/device-list';
import { namesIn, registerDevices } from './extension/devices/register-devices';
import { ExperimentFiles } from './extension/experiments/experiment-files';
import { registerExperiments } from './extension/experiments/register-experiments';
import { Inspections } from './extension/inspection/inspections';
import { registerInspection } from './extension/inspection/register-inspection';
import { LabPanel } from './extension/lab/lab-panel';
import { registerLab } from './extension/lab/register-lab';
import { ExperimentChecker } from './extension/models/experiment-checker';
import { ModelList } from './extension/models/model-list';
import { ModelServer } from './extension/models/model-server';
import { Endpoints } from './extension/runs/endpoints';
import { Hosts } from './extension/runs/hosts';
import { registerRuns } from './extension/runs/register-runs';
import { RunList, type ListedRun } from './extension/runs/run-list';
import { registerTools } from './extension/tools/register-tools';

export function activate({
  extensionUri,
  globalStorageUri,
  logUri,
  secrets,
  globalState,
  subscriptions,
  workspaceState,
}: ExtensionContext): void {
  const log = window.createOutputChannel('Distillery', { log: true });
  const report = (error: unknown): void => log.error(error instanceof Error ? error : String(error));
  const program = Uri.joinPath(extensionUri, 'dist', 'runner.js').fsPath;
  const libraries = { DISTILLERY_LIBRARIES: Uri.joinPath(globalStorageUri, 'libraries').fsPath };
  const cwd = logUri.fsPath;
  const startRunner = runnerStarter(program, cwd, libraries);

  const keys = new ContextKeys();
  const runs = new RunList();
  const files = new ExperimentFiles();
  const server = (): ModelServer => new ModelServer(program, (line) => log.warn(line), requireTrust, libraries);
  const [models, checks] = [server(), server()];
  const modelsHere = new ModelList(startRunner, cwd);
  const checker = new ExperimentChecker(checks);
  const check = (file: string, text?: string) => checker.problems(file, text);
  const askStudents = (file: string, text: string) => checks.ask('students', { file, text });
  const lab = new LabPanel(runs, models, extensionUri);
  const inspections = new Inspections(runs, models, workspaceState, report);

  const endpoints = new Endpoints(secrets, globalState);
  const hosts = new Hosts(startRunner, cwd, requireTrust);
  const devices = new DeviceList(startRunner, cwd, requireTrust, () => namesIn(libraries.DISTILLERY_LIBRARIES));
  const devicesHere = () => devices.ready().then(() => devices.devices);
  const common = { hosts, runs, keys, log, report, startRunner, endpoints, extensionUri };
  const show = (run: ListedRun): void => lab.open(run);
  const withCommands: Record<Subject, Disposable> = {
    experiments: registerExperiments({
      ...common,
      models: modelsHere,
      devices: devicesHere,
      files,
      show,
      check,
      askStudents,
    }),
    runs: registerRuns({ ...common, show, isShown: (id) => lab.isShown(id) }),
    inspection: registerInspection({ ...common, models, inspections }),
    devices: registerDevices({
      ...common,
      models: modelsHere,
      devices,
      secrets,
      cwd,
    }),
    lab: registerLab(runs, lab, log),
  };
  subscriptions.push(
    ...[log, runs, hosts, devices, files, models, checks, modelsHere, lab, inspections],
    ...Object.values(withCommands),
    registerDatasets({ files, inspections, report }),
    registerTools({ ...common, models, show, check }),
  );
}
