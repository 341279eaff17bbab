/** @file The line above an example: which it is, where it stands, at which T it is seen. */

import { html, nothing } from 'lit';
import type { Choices } from '../choices';
import { icon } from '../icons';
import type { Selection } from './selection';
import './temperature-slider';

export interface HeadingParts {
  narrow: boolean;
  /** Tables in place of charts. */
  tables: boolean;
  choose: (choice: Partial<Choices>) => void;
  /** Goes to the example before or after. */
  step: (by: 1 | -1) => void;
  openFile: (file: string, line: number) => void;
}

export function heading({ probes, index, example, temperature }: Selection, parts: HeadingParts): unknown {
  const { narrow, tables, choose, step, openFile } = parts;
  const { examples, temperature: own } = probes.set.examples;
  const place = `${example.file}:${example.line}`;
  return html`<div class="heading">
    <button class="icon-button" title="Previous example ([)" aria-label="Previous example" @click=${() => step(-1)}>
      ${icon('left')}
    </button>
    <span class="number">${index < 0 ? 'not pinned' : `${index + 1} of ${examples.length}`}</span>
    <button class="icon-button" title="Next example (])" aria-label="Next example" @click=${() => step(1)}>
      ${icon('right')}
    </button>
    ${
      narrow
        ? nothing
        : html`<button
            class="link source"
            title="Open ${place} in the editor"
            @click=${() => openFile(example.file, example.line)}
          >
            ${place.split(/[\\/]/).at(-1)}
          </button>`
    }
    <lab-temperature .temperature=${temperature} .own=${own}></lab-temperature>
    ${narrow ? nothing : html`<span class="small muted which">${temperature === own ? "this run's T" : ''}</span>`}
    <button
      class="icon-button"
      title="Tables instead of charts (t)"
      aria-label="Tables instead of charts"
      aria-pressed=${tables}
      @click=${() => choose({ tables: !tables })}
    >
      ${icon('table')}
    </button>
  </div>`;
}
