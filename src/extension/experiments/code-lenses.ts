/** @file What can be done with an experiment file, above its first line: Run, Sweep, Open Lab, the last result. */

import { CodeLens, EventEmitter, l10n, languages, Range, workspace, Disposable, type TextDocument } from 'vscode';
import { formatPercent } from '../../protocol/format';
import type { CommandId } from '../base/command-ids';
import type { RunList } from '../runs/run-list';
import { isLive } from '../../protocol/records';
import { mainMetric, percentDone, statusWord, summaryRow } from '../runs/run-words';
import { openExperiments, parsedDocument, nodeAt, nodeRange } from './experiment-document';
import { experimentSelector } from '../base/documents';
import { lastFinished, runsOfFile } from './result-hints';

export function registerCodeLenses(runs: RunList): Disposable {
  const changed = new EventEmitter<void>();
  /** What the lenses of a document said when they were last given. */
  const given = new WeakMap<TextDocument, string>();
  const provideCodeLenses = async (document: TextDocument): Promise<CodeLens[]> => {
    await runs.ready();
    const lenses = fileLenses(runs, document);
    given.set(document, saidBy(lenses));
    const sweep = nodeAt(parsedDocument(document).source.root, ['sweep']);
    return [...lenses, ...(sweep && workspace.isTrusted ? sweepLenses(document, nodeRange(document, sweep)) : [])];
  };
  const provider = { onDidChangeCodeLenses: changed.event, provideCodeLenses };
  return Disposable.from(
    changed,
    // Lenses that are drawn anew take no click meanwhile: those that would be the same stay.
    runs.onDidChange(() => {
      const differs = (one: TextDocument): boolean =>
        given.has(one) && given.get(one) !== saidBy(fileLenses(runs, one));
      if (openExperiments().some(differs)) changed.fire();
    }),
    workspace.onDidGrantWorkspaceTrust(() => changed.fire()),
    languages.registerCodeLensProvider(experimentSelector, provider),
  );
}

const saidBy = (lenses: readonly CodeLens[]): string =>
  JSON.stringify(lenses.map(({ command }) => [command?.title, command?.arguments]));

function fileLenses(runs: RunList, document: TextDocument): CodeLens[] {
  const first = new Range(0, 0, 0, 0);
  const lens = (title: string, command: CommandId, ...given: unknown[]): CodeLens =>
    new CodeLens(first, { title, command, arguments: given });
  const lenses = workspace.isTrusted
    ? [
        lens(`$(play) ${l10n.t('Run')}`, 'distillery.runExperiment', document.uri),
        lens(`$(remote) ${l10n.t('Run on…')}`, 'distillery.runExperimentOn', document.uri),
      ]
    : [];
  const [latest] = runsOfFile(runs, document.uri.fsPath);
  if (!latest) return lenses;
  lenses.push(lens(`$(beaker) ${l10n.t('Open Lab')}`, 'distillery.openLab', latest.paths.id));
  const { status, progress } = latest.record;
  if (isLive(status)) {
    const words = progress ? `${statusWord(status)} ${percentDone(progress)}` : statusWord(status);
    lenses.push(lens(`$(loading~spin) ${words}`, 'distillery.openLab', latest.paths.id));
  }
  const finished = lastFinished(runs, document);
  const student = finished && summaryRow(finished, 'student');
  if (student) {
    const kept =
      student.retention === undefined ? '' : ` (${l10n.t('{0} of the teacher', formatPercent(student.retention))})`;
    const words = l10n.t('last: {0}', `${mainMetric(student.metrics) ?? ''}${kept}`);
    lenses.push(lens(words, 'distillery.openLab', finished.paths.id));
  }
  return lenses;
}

function sweepLenses(document: TextDocument, range: Range): CodeLens[] {
  const lens = (title: string, command: CommandId, ...given: unknown[]): CodeLens =>
    new CodeLens(range, { title, command, arguments: [document.uri, ...given] });
  return [
    lens(`$(layers) ${l10n.t('Sweep')}`, 'distillery.sweepExperiment'),
    lens(`$(remote) ${l10n.t('Sweep on…')}`, 'distillery.runExperimentOn', { sweeps: true }),
  ];
}
