/** @file The last result beside the fields that made it. */

import { EventEmitter, InlayHint, l10n, languages, Disposable, type Range, type TextDocument } from 'vscode';
import { formatLarge, formatMilliseconds, formatShareDifference } from '../../protocol/format';
import type { ComparisonRow } from '../../protocol/records';
import type { ResolvedExperiment } from '../../experiment/file/schema';
import { readRunExperiment } from '../../experiment/experiment-record';
import type { Path } from '../../experiment/file/source';
import type { ListedRun, RunList } from '../runs/run-list';
import { mainMetric, summaryRow } from '../runs/run-words';
import { experimentSelector, parsedDocument } from './experiment-document';
import { nodeAt } from './json-nodes';
import { lastFinished } from './results';

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
  const sameStudent = sameShape(experiment.student.architecture, made.student.architecture);
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
  const [own, other] = [student?.metrics.macroF1, control.metrics.macroF1];
  return own === undefined || other === undefined
    ? []
    : [l10n.t('distillation {0}', formatShareDifference(own - other))];
}
