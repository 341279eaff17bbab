/** @file The models that the Compare tab holds against each other: this run's, and the students of those beside it. Pure. */

import * as l10n from '@vscode/l10n';
import type { ControlName } from '../../src/protocol/controls';
import type { DrawnModel } from '../../src/protocol/drawing/compare-drawings';
import type { ModelShape } from '../../src/protocol/lab-data';
import type { ComparisonRow } from '../../src/protocol/records';
import type { Measure } from '../state/quality';
import { controlTitle, roleNames } from '../look/role-names';
import { runTitles } from '../runs/run-titles';
import type { RunState } from '../state/state';

export interface ComparedModel {
  row: ComparisonRow;
  /** `Student`, or another run's title. */
  title: string;
  about: string;
  /** Of another run. */
  other: boolean;
}

const shapeOf = (shape: ModelShape | undefined): string => (shape ? `${shape.layers} × ${shape.hiddenSize}` : '');

export function comparedModels(run: RunState, besides: readonly RunState[]): ComparedModel[] {
  const titles = runTitles([run, ...besides]);
  const own = (run.record.summary?.rows ?? []).map((row): ComparedModel => ({
    row,
    other: false,
    ...naming(run, row),
  }));
  const others = besides.flatMap(({ id, record, experiment }) =>
    (record.summary?.rows ?? [])
      .filter(({ role }) => role === 'student')
      .map((row): ComparedModel => {
        return {
          row,
          other: true,
          title: titles.get(id)!,
          about: l10n.t("another run's student, {0}", shapeOf(experiment.student)),
        };
      }),
  );
  return [...own, ...others];
}

/** A run of another version may have others. */
const controlWords: Readonly<Partial<Record<string, string>>> = {
  'no-distillation': l10n.t('same student, no distillation'),
  'label-smoothing': l10n.t('same student, smoothed labels'),
} satisfies Record<ControlName, string>;

function naming({ experiment }: RunState, { role, name }: ComparisonRow): Pick<ComparedModel, 'title' | 'about'> {
  switch (role) {
    case 'teacher':
      return name === 'teacher'
        ? { title: l10n.t('Teacher'), about: experiment.endpoint ?? shapeOf(experiment.teacher) }
        : { title: l10n.t('Teacher {0}', name.replace(/\D+/, '')), about: l10n.t('a member of the ensemble') };
    case 'student':
      return { title: l10n.t('Student'), about: l10n.t('{0}, distilled', shapeOf(experiment.student)) };
    case 'control':
      return {
        title: l10n.t('Control'),
        about: controlWords[name] ?? name,
      };
  }
}

/** Models for the drawings; those without the measure are left out. */
export function drawnModels(models: readonly ComparedModel[], measure: Measure): DrawnModel[] {
  const hasSeveral = models.filter(({ row }) => row.role === 'control').length > 1;
  return models.flatMap(({ row, title, other }): DrawnModel[] => {
    const value = row.metrics[measure.key];
    if (value === undefined) return [];
    const interval = row.intervals?.[measure.key];
    const seeds = row.bySeed?.flatMap(({ metrics }) => metrics[measure.key] ?? []);
    return [
      {
        role: row.role,
        name: other ? title : row.role === 'control' ? controlTitle(row.name, hasSeveral) : roleNames[row.role],
        other,
        value,
        interval,
        seeds,
        parameters: row.parameters,
        calibration: row.calibration,
      },
    ];
  });
}
