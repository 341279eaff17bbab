/** @file What was set differently, apart from what came out of it. */

import * as l10n from '@vscode/l10n';
import { css, html, LitElement } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { absent, formatCount } from '../../src/protocol/format';
import { runTitles } from '../runs/run-titles';
import type { RunState } from '../state/state';
import { shared } from '../look/styles';

/** What a control leaves out: it is trained on the hard labels alone. */
function ofControl(settings: Record<string, string>): Record<string, string> {
  const kept = Object.entries(settings).filter(([path]) => !path.startsWith('distillation.'));
  return { ...Object.fromEntries(kept), 'distillation.alpha': '0' };
}

@customElement('lab-settings')
export class SettingsTable extends LitElement {
  static override styles = [
    shared,
    css`
      :host {
        display: block;
        min-width: 0;
      }
      table {
        margin-top: 8px;
      }
      td:not(:first-child) {
        overflow: hidden;
        max-width: 160px;
        text-overflow: ellipsis;
      }
    `,
  ];

  @property({ attribute: false }) run!: RunState;
  @property({ attribute: false }) besides: readonly RunState[] = [];

  override render(): unknown {
    const { run, besides } = this;
    const hasControl = run.series.some(({ role }) => role === 'control') && besides.length === 0;
    const titles = runTitles([run, ...besides]);
    const columns = [
      { title: besides.length > 0 ? titles.get(run.id)! : l10n.t('Student'), settings: run.settings },
      ...(hasControl ? [{ title: l10n.t('Control'), settings: ofControl(run.settings) }] : []),
      ...besides.map((other) => ({ title: titles.get(other.id)!, settings: other.settings })),
    ];
    const paths = [...new Set(columns.flatMap(({ settings }) => Object.keys(settings)))].sort();
    const different = paths.filter((path) => new Set(columns.map(({ settings }) => settings[path])).size > 1);
    const same = l10n.t(
      '{0} of {1} fields, the rest is the same',
      formatCount(different.length),
      formatCount(paths.length),
    );
    return html`<figure>
      <h2>${l10n.t('What differs in the configuration')}</h2>
      <p class="note">${columns.length < 2 ? l10n.t('There is nothing to compare with: add a run above.') : same}</p>
      ${
        columns.length > 1 && different.length > 0
          ? html`<div class="scroll" tabindex="0" role="region" aria-label=${l10n.t('Configuration')}>
              <table class="data" aria-label=${l10n.t('What differs in the configuration')}>
                <thead>
                  <tr>
                    <th scope="col">${l10n.t('Field')}</th>
                    ${columns.map(({ title }) => html`<th scope="col">${title}</th>`)}
                  </tr>
                </thead>
                <tbody>
                  ${different.map(
                    (path) =>
                      html`<tr>
                        <td class="mono" translate="no">${path}</td>
                        ${columns.map(({ settings }) => html`<td translate="no" title=${settings[path] ?? ''}>${settings[path] ?? absent}</td>`)}
                      </tr>`,
                  )}
                </tbody>
              </table>
            </div>`
          : ''
      }
    </figure>`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'lab-settings': SettingsTable;
  }
}
