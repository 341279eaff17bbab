/** @file How the hard label's probability grew under the student, against the teacher's. */

import * as l10n from '@vscode/l10n';
import { html, nothing } from 'lit';
import { drawn } from '../charts/drawn';
import { softmax } from '../../src/protocol/distribution';
import { formatShare, formatTemperature } from '../../src/protocol/format';
import { mark } from '../look/marks';
import { rowOf, type Comparison } from './divergence';
import { growthDrawing, type Growth } from './drawings';
import type { Selection } from './selection';
import { growthTable } from './tables';

interface GrowthParts {
  comparison: Comparison;
  width: number;
  tables: boolean;
  /** The training's last step, reached or not. */
  last: number;
}

/** Nothing where there are not two probes with a hard label. */
export function labelGrowth(shown: Selection, { comparison, width, tables, last }: GrowthParts): unknown {
  const points = growthPoints(shown);
  if (shown.step === undefined || points.length < 2) return nothing;
  const { label, teacherLabel = label } = shown.example.positions[shown.position]!;
  const teacher = comparison.teacher[teacherLabel]!;
  return html`<figure>
    <h2>
      ${mark('label')} ${l10n.t('The hard label over training')}
      <span class="value small muted">${l10n.t('probability, T = {0}', formatTemperature(shown.temperature))}</span>
    </h2>
    ${
      tables
        ? growthTable(points, teacher)
        : drawn(
            growthDrawing(
              width,
              points,
              teacher,
              shown.step,
              last,
              l10n.t("Probability of the hard label at each probe; the teacher's is {0}", formatShare(teacher)),
            ),
          )
    }
  </figure>`;
}

function growthPoints(shown: Selection): Growth[] {
  const { probes, index, example, position, temperature } = shown;
  const { label } = example.positions[position]!;
  return probes.set.steps.flatMap((step) => {
    const logits = probes.student.get(step)?.[index];
    if (!logits || label < 0) return [];
    const row = rowOf(logits, position, probes.set.examples.names.length);
    return [{ step, probability: softmax(row, temperature)[label]! }];
  });
}
