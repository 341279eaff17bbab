/** @file The extension's entry: creates its features, nothing else. */

import { Uri, window, type ExtensionContext } from 'vscode';
import { registerCommands } from './extension/commands/commands';
import { openLab, revealRunFolder, showLog } from './extension/commands/look-commands';
import { requireTrust, resumeRun, runExperiment, stopRun } from './extension/commands/run-commands';
import { createSampleWorkspace } from './extension/commands/sample-workspace';
import { ContextKeys } from './extension/context-keys';
import { ModelServer } from './extension/models/model-server';
import { Lab } from './extension/panel/lab';
import { RunList, type ListedRun } from './extension/runs/run-list';
import { runnerStarter } from './extension/runs/runner-process';
import { registerAnnouncements } from './extension/status/announcements';
import { registerRunLog } from './extension/status/run-log';
import { registerStatusBar } from './extension/status/status-bar';
import { registerRunsView } from './extension/views/runs-view';

export function activate({ extensionUri, logUri, subscriptions }: ExtensionContext): void {
  const log = window.createOutputChannel('Distillery', { log: true });
  const runs = new RunList();
  const runner = Uri.joinPath(extensionUri, 'dist', 'runner.js').fsPath;
  const models = new ModelServer(runner, (line) => log.error(line), requireTrust);
  const lab = new Lab(runs, models, extensionUri);
  const startRunner = runnerStarter(runner, logUri.fsPath);
  const parts = { runs, startRunner, log, show: (run: ListedRun) => lab.open(run) };

  subscriptions.push(
    log,
    runs,
    models,
    lab,
    registerRunsView(runs, new ContextKeys()),
    registerStatusBar(runs),
    registerRunLog(runs, log),
    registerAnnouncements(runs, (id) => lab.isShown(id)),
    registerCommands(log, {
      'distillery.createSampleWorkspace': (folder) => createSampleWorkspace(extensionUri, folder),
      'distillery.runExperiment': (file) => runExperiment(parts, file),
      'distillery.stopRun': (run) => stopRun(parts, run),
      'distillery.resumeRun': (run) => resumeRun(parts, run),
      'distillery.openLab': (run) => openLab(runs, lab, run),
      'distillery.showLog': (run) => showLog(runs, log, run),
      'distillery.revealRunFolder': (run) => revealRunFolder(runs, run),
    }),
  );
}
