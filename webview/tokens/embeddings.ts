/** @file Pinned texts of a run with embeddings: how near the student's are to the teacher's, and how similar both find the texts of a pair. */

import * as l10n from '@vscode/l10n';
import { css, html, nothing, type TemplateResult } from 'lit';
import { cosine } from '../../src/protocol/distribution';
import { formatCount } from '../../src/protocol/format';
import type { ProbeExample } from '../../src/protocol/inspection-records';
import type { InspectedRow } from '../../src/protocol/lab-data';
import { metricFacts } from '../../src/protocol/quality';
import { mark } from '../look/marks';
import { roleNames } from '../look/role-names';
import type { Choices } from '../state/choices';
import type { Probes } from '../state/state';
import { rowOf } from './divergence';

export const embeddingStyles = css`
  .embeddings {
    height: 100%;
    padding: 12px 16px;
    overflow: auto;
    box-sizing: border-box;
  }
  .embeddings table.data td {
    vertical-align: top;
  }
  .embeddings td.texts {
    min-width: 160px;
    max-width: 640px;
    overflow-wrap: anywhere;
    text-align: left;
    white-space: normal;
  }
  .embeddings td.texts p + p,
  .embeddings td.number div + div {
    margin-top: 2px;
  }
  .embeddings .place {
    margin-top: 2px;
  }
`;

/** What both models make of an example. */
interface EmbeddedExample {
  example: ProbeExample;
  /** Absent: the models were asked as they are now. */
  isPinned: boolean;
  /** Of each text, to the teacher's. */
  cosines: number[];
  /** Of both texts of a pair. */
  similarity?: { teacher: number; student: number; score: number | undefined };
}

function embedded(
  example: ProbeExample,
  { teacher, student }: Record<'teacher' | 'student', Float32Array>,
  width: number,
  isPinned: boolean,
): EmbeddedExample {
  const of = (embeddings: Float32Array, text: number): Float32Array => rowOf(embeddings, text, width);
  const both = (embeddings: Float32Array): number => cosine(of(embeddings, 0), of(embeddings, 1));
  const isPair = example.positions.length === 2;
  return {
    example,
    isPinned,
    cosines: example.positions.map((_, text) => cosine(of(teacher, text), of(student, text))),
    ...(isPair && {
      similarity: { teacher: both(teacher), student: both(student), score: example.positions[0]!.value },
    }),
  };
}

const format = metricFacts.teacherCosine.format;

/** @param openFile opens a row in the editor */
export function embeddings(
  { set, student }: Probes,
  row: InspectedRow | undefined,
  choices: Choices,
  openFile: (file: string, line: number) => void,
): TemplateResult {
  const width = set.examples.names.length;
  const here = set.steps.filter((step) => student.has(step));
  const step = here.includes(choices.probe ?? -1) ? choices.probe! : here.at(-1);
  if (step === undefined) return html`<p class="waiting">${l10n.t('Reading the probes…')}</p>`;
  const pinned = set.examples.examples.map((example, i) =>
    embedded(example, { teacher: set.teacher[i]!, student: student.get(step)![i]! }, width, true),
  );
  const all = [...(row ? [embedded(row.example, row, width, false)] : []), ...pinned];
  const hasPairs = all.some(({ similarity }) => similarity);
  const hasScores = all.some(({ similarity }) => similarity?.score !== undefined);
  return html`<section class="embeddings" aria-label=${l10n.t('Pinned examples')}>
    <p class="small muted">
      ${l10n.t('Student at step {0}. An embedding has no distribution: it is compared as it is.', formatCount(step))}
      ${hasPairs ? l10n.t("Under each model's name: how similar it finds both texts.") : nothing}
    </p>
    <div class="scroll" tabindex="0" role="region" aria-label=${l10n.t('Embeddings of pinned examples')}>
      <table class="data" aria-label=${l10n.t('Embeddings of pinned examples')}>
        <thead>
          <tr>
            <th scope="col">${hasPairs ? l10n.t('Texts') : l10n.t('Text')}</th>
            <th scope="col" title=${l10n.t("Of each text, the cosine of the student's embedding and the teacher's")}>
              ${l10n.t('Cosine to teacher')}
            </th>
            ${
              hasPairs
                ? html`<th
                      scope="col"
                      title=${l10n.t('How similar the teacher finds both texts: the cosine of their embeddings')}
                    >
                      ${mark('teacher')} ${roleNames.teacher}
                    </th>
                    <th
                      scope="col"
                      title=${l10n.t('How similar the student finds both texts: the cosine of their embeddings')}
                    >
                      ${mark('student')} ${roleNames.student}
                    </th>`
                : nothing
            }
            ${hasScores ? html`<th scope="col">${mark('label')} ${l10n.t('Score')}</th>` : nothing}
          </tr>
        </thead>
        <tbody>
          ${all.map((one) => exampleRow(one, hasPairs, hasScores, openFile))}
        </tbody>
      </table>
    </div>
  </section>`;
}

function exampleRow(
  { example, isPinned, cosines, similarity }: EmbeddedExample,
  hasPairs: boolean,
  hasScores: boolean,
  openFile: (file: string, line: number) => void,
): TemplateResult {
  const { file, line, text, pair } = example;
  const place = `${file.split(/[\\/]/).at(-1)!}:${line}`;
  return html`<tr>
    <td class="texts">
      <p translate="no">${text}</p>
      ${pair === undefined ? nothing : html`<p translate="no">${pair}</p>`}
      <p class="small muted place">
        ${
          isPinned
            ? html`<button
                class="link"
                translate="no"
                title=${l10n.t('Open {0} in the editor', place)}
                @click=${() => openFile(file, line)}
              >
                ${place}
              </button>`
            : l10n.t('not pinned: the models as they are now')
        }
      </p>
    </td>
    <td class="number">${cosines.map((value) => html`<div>${format(value)}</div>`)}</td>
    ${
      hasPairs
        ? html`<td class="number">${format(similarity?.teacher)}</td>
            <td class="number strong">${format(similarity?.student)}</td>`
        : nothing
    }
    ${hasScores ? html`<td class="number">${format(similarity?.score)}</td>` : nothing}
  </tr>`;
}
