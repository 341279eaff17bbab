/** @file What the extension does with experiment files: their view, what the editor shows in them, and the commands about them. */

import { Disposable, type Uri } from 'vscode';
import { registerCommands } from '../base/commands';
import type { ContextKeys } from '../base/context-keys';
import type { ModelList } from '../models/model-list';
import { deleteRuns } from '../runs/trash-commands';
import { registerCodeLenses } from './code-lenses';
import { registerCompletions } from './completions';
import {
  chooseStudy,
  confirmTemperatures,
  openExperiment,
  runExperiment,
  runExperimentOn,
} from './experiment-commands';
import type { ExperimentFiles } from './experiment-files';
import { ExperimentProblems, registerDiagnostics, type CheckExperiment } from './experiment-problems';
import { ExperimentTree } from './experiment-tree';
import { registerExperimentsView, selection } from './experiments-view';
import { newExperiment } from './new-experiment';
import { registerOutline } from './outline';
import { registerQuickFixes } from './quick-fixes';
import { registerResultHints } from './result-hints';
import type { RunOnParts } from './run-on';
import { StudentPresets, type AskStudents } from './student-presets';
import { createSampleWorkspace } from './sample-workspace';

export interface ExperimentParts extends RunOnParts {
  files: ExperimentFiles;
  models: ModelList;
  keys: ContextKeys;
  extensionUri: Uri;
  report: (error: unknown) => void;
  check: CheckExperiment;
  askStudents: AskStudents;
}

export function registerExperiments(parts: ExperimentParts): Disposable {
  const { runs, files, models, keys, extensionUri, log, report } = parts;
  const tree = new ExperimentTree(runs, files);
  const problems = new ExperimentProblems(report, parts.check, models.onDidChange);
  const students = new StudentPresets(parts.askStudents);
  const view = registerExperimentsView(tree, runs, keys);
  return Disposable.from(
    tree,
    problems,
    view,
    registerDiagnostics(problems),
    registerQuickFixes(problems),
    students,
    registerCompletions(runs, models, students),
    registerCodeLenses(runs),
    registerResultHints(runs),
    registerOutline(),
    registerCommands<'experiments'>(log, {
      'distillery.createSampleWorkspace': (folder) => createSampleWorkspace(extensionUri, folder),
      'distillery.newExperiment': (dataset, answers) => newExperiment(parts, dataset, answers),
      'distillery.runExperiment': (file) => runExperiment(parts, file),
      'distillery.runExperimentOn': (file, wish) => runExperimentOn(parts, file, wish),
      'distillery.sweepExperiment': (file) => runExperiment(parts, file, () => ['sweep']),
      'distillery.studyExperiment': (file, kind) =>
        runExperiment(parts, file, kind === 'temperature' ? confirmTemperatures : chooseStudy),
      'distillery.openExperiment': (row) => openExperiment(runs, row),
      'distillery.showMoreRuns': (file) => tree.showMore(String(file)),
      // Its key means the rows that are selected in this view.
      'distillery.deleteRun': (run, selected) => deleteRuns(parts, run, run === selection ? view.selected() : selected),
    }),
  );
}
