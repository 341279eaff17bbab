/** @file The runs of an experiment file, and the last result beside the fields that made it. */

import { EventEmitter, InlayHint, l10n, languages, Disposable, type Range, type TextDocument } from 'vscode';
import { formatLarge, formatMilliseconds, formatShareDifference } from '../../protocol/format';
import { qualityIn } from '../../protocol/quality';
import type { ComparisonRow } from '../../protocol/records';
import type { ResolvedExperiment } from '../../experiment/file/schema';
import { readRunExperiment } from '../../experiment/experiment-record';
import type { Path } from '../../experiment/file/source';
import type { ListedRun, RunList } from '../runs/run-list';
import { mainMetric, summaryRow } from '../runs/run-words';
import { parsedDocument, nodeAt } from './experiment-document';
import { experimentSelector } from '../base/documents';

export function registerResultHints(runs: RunList): Disposable {
  const changed = new EventEmitter<void>();
  const provideInlayHints = async (document: TextDocument, range: Range): Promise<InlayHint[]> => {
    await runs.ready();
    const run = lastFinished(runs, document);
    if (!run) return [];
    const experiment = await readRunExperiment(run.paths);
    return resultHints(document, run, experiment).filter(({ position }) => range.contains(position));
  };
  const provider = { onDidChangeInlayHints: changed.event, provideInlayHints };
  return Disposable.from(
    changed,
    runs.onDidChange((run) => {
      if (run?.record.summary !== undefined || run === undefined) changed.fire();
    }),
    languages.registerInlayHintsProvider(experimentSelector, provider),
  );
}

function resultHints(document: TextDocument, run: ListedRun, made: ResolvedExperiment): InlayHint[] {
  const { source, experiment } = parsedDocument(document);
  if (!experiment) return [];
  const hint = (path: Path, row: ComparisonRow | undefined, words: (row: ComparisonRow) => string[]): InlayHint[] => {
    const node = nodeAt(source.root, path);
    if (!node || !row) return [];
    const position = document.positionAt(node.offset + node.length);
    const shown = new InlayHint(position, words(row).join(' · '));
    shown.paddingLeft = true;
    shown.tooltip = l10n.t('From the run {0}.', run.paths.id);
    return [shown];
  };
  const [teacher, student, control] = (['teacher', 'student', 'control'] as const).map((role) => summaryRow(run, role));
  const metric = (row: ComparisonRow): string => mainMetric(row.metrics) ?? '';
  // A result belongs to what made it: beside a setting that was changed since it would be wrong.
  // What a preset came to is not known here.
  const sameStudent =
    experiment.student.preset === undefined && sameShape(experiment.student.architecture, made.student.architecture);
  const sameTeacher =
    experiment.teacher.source === made.teacher.source &&
    (experiment.teacher.source !== 'train' ||
      (made.teacher.source === 'train' && sameShape(experiment.teacher.architecture, made.teacher.architecture)));
  return [
    ...(sameTeacher ? hint(['teacher'], teacher, (row) => [formatLarge(row.parameters), metric(row)]) : []),
    ...(sameStudent
      ? hint(['student'], student, (row) => [formatLarge(row.parameters), formatMilliseconds(row.latencyMs)])
      : []),
    ...(JSON.stringify(experiment.distillation) === JSON.stringify(made.distillation)
      ? hint(['distillation'], student, (row) => [metric(row)])
      : []),
    ...hint(['controls'], control, (row) => [l10n.t('control {0}', metric(row)), ...gain(student, row)]),
  ];
}

function sameShape(one: object | undefined, other: object): boolean {
  // What the file leaves out was filled in.
  return Object.entries(one ?? {}).every(([key, value]) => (other as Record<string, unknown>)[key] === value);
}

/** What distillation added, where both are shares. */
function gain(student: ComparisonRow | undefined, control: ComparisonRow): string[] {
  const quality = qualityIn(control.metrics);
  if (!quality?.isShare) return [];
  const [own, other] = [student?.metrics[quality.key], control.metrics[quality.key]];
  return own === undefined || other === undefined
    ? []
    : [l10n.t('distillation {0}', formatShareDifference(own - other))];
}

/** Latest first. */
export function runsOfFile(runs: RunList, file: string): ListedRun[] {
  return runs.runs.filter((run) => run.origin?.file === file);
}

export function lastFinished(runs: RunList, { uri }: TextDocument): ListedRun | undefined {
  return runsOfFile(runs, uri.fsPath).find(({ record }) => record.summary !== undefined);
}
