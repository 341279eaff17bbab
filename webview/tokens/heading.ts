/** @file The line above an example: which it is, where it stands, at which T it is seen. */

import * as l10n from '@vscode/l10n';
import { html, nothing } from 'lit';
import type { Choices } from '../state/choices';
import { icon } from '../look/icons';
import type { Selection } from './selection';
import './temperature-slider';

export interface HeadingParts {
  narrow: boolean;
  /** Tables in place of charts. */
  tables: boolean;
  /** The list of examples stands in the text's place. */
  listing: boolean;
  list: () => void;
  choose: (choice: Partial<Choices>) => void;
  /** Goes to the example before or after. */
  step: (by: 1 | -1) => void;
  openFile: (file: string, line: number) => void;
}

export function heading({ probes, index, example, temperature, labels }: Selection, parts: HeadingParts): unknown {
  const { narrow, tables, listing, list, choose, step, openFile } = parts;
  const { examples, temperature: own } = probes.set.examples;
  const place = `${example.file}:${example.line}`;
  return html`<div class="heading">
    <button
      class="icon-button to-list"
      title=${l10n.t('Pinned examples')}
      aria-label=${l10n.t('Pinned examples')}
      aria-pressed=${listing}
      @click=${list}
    >
      ${icon('list-unordered')}
    </button>
    <button
      class="icon-button"
      title=${l10n.t('Previous example ([)')}
      aria-label=${l10n.t('Previous example')}
      @click=${() => step(-1)}
    >
      ${icon('chevron-left')}
    </button>
    <span class="number">${index < 0 ? l10n.t('not pinned') : l10n.t('{0} of {1}', index + 1, examples.length)}</span>
    <button
      class="icon-button"
      title=${l10n.t('Next example (])')}
      aria-label=${l10n.t('Next example')}
      @click=${() => step(1)}
    >
      ${icon('chevron-right')}
    </button>
    ${
      narrow
        ? nothing
        : html`<button
            class="link source"
            translate="no"
            title=${l10n.t('Open {0} in the editor', place)}
            @click=${() => openFile(example.file, example.line)}
          >
            <bdi>${place.split(/[\\/]/).at(-1)}</bdi>
          </button>`
    }
    <div class="seen">
      ${labels === 'regression' ? nothing : html`<lab-temperature .temperature=${temperature} .own=${own}></lab-temperature>`}
      ${narrow || labels === 'regression' ? nothing : html`<span class="small muted which">${temperature === own ? l10n.t("this run's T") : ''}</span>`}
      <button
        class="icon-button"
        title=${l10n.t('Tables instead of charts (t)')}
        aria-label=${l10n.t('Tables instead of charts')}
        aria-pressed=${tables}
        @click=${() => choose({ tables: !tables })}
      >
        ${icon('table')}
      </button>
    </div>
  </div>`;
}
