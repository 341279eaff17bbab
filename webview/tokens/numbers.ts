/** @file What two models say of a row whose label is a number: no distribution, but three numbers on one scale. */

import * as l10n from '@vscode/l10n';
import { css, html, nothing, type TemplateResult } from 'lit';
import { numberFormat } from '../../src/protocol/format';
import { mark } from '../look/marks';
import { roleNames } from '../look/role-names';

export const numberStyles = css`
  table.numbers {
    width: 100%;
    border-collapse: collapse;
  }
  table.numbers th {
    padding: 6px 0;
    font-weight: 400;
    text-align: left;
  }
  table.numbers td {
    padding: 6px 0 6px 16px;
    text-align: right;
    white-space: nowrap;
  }
  table.numbers tr {
    border-bottom: 1px solid var(--grid);
  }
  p.numbers {
    margin-top: 8px;
    white-space: normal;
  }
`;

interface Numbers {
  teacher: number;
  student: number;
  /** The hard label; undefined where there is none. */
  label: number | undefined;
}

export function numbers({ teacher, student, label }: Numbers): TemplateResult {
  const format = numberFormat([teacher, student, ...(label === undefined ? [] : [label])]);
  const offBy = (value: number): string => `${value > 0 ? '+' : ''}${format(value)}`;
  const row = (id: string, sign: unknown, name: string, value: number): TemplateResult =>
    html`<tr>
      <th scope="row">${sign} ${name}</th>
      <td class="number strong" id=${id}>${format(value)}</td>
      <td class="number muted off">${label === undefined ? nothing : offBy(value - label)}</td>
    </tr>`;
  return html`<table class="numbers" aria-label=${l10n.t('What the models say')}>
      <thead>
        <tr>
          <th scope="col"><span class="spoken">${l10n.t('Model')}</span></th>
          <td class="small muted">${l10n.t('says')}</td>
          <td class="small muted">${label === undefined ? nothing : l10n.t('off by')}</td>
        </tr>
      </thead>
      <tbody>
        ${row('teacher-number', mark('teacher'), roleNames.teacher, teacher)}
        ${row('student-number', mark('student'), roleNames.student, student)}
        ${
          label === undefined
            ? nothing
            : html`<tr>
                <th scope="row">${mark('label')} ${l10n.t('Hard label')}</th>
                <td class="number strong" id="label-number">${format(label)}</td>
                <td></td>
              </tr>`
        }
      </tbody>
    </table>
    <p class="numbers small muted">
      ${l10n.t('Student and teacher are {0} apart. A number has no distribution, so no temperature enters.', format(Math.abs(teacher - student)))}
    </p>`;
}
