/** @file Two bars on one baseline, a model each: the upper one's share and the lower one's can be compared exactly. */

import { css, html, nothing, type TemplateResult } from 'lit';
import type { CompletionSide } from '../../src/protocol/lab-data';
import { inlineStyles } from '../base/inline-styles';

/** For whoever draws `pairBars`. */
export const pairBarStyles = css`
  .pair {
    position: relative;
    display: block;
    height: 24px;
  }
  .pair i {
    position: absolute;
    top: 13px;
    left: 0;
    height: 8px;
    min-width: 1px;
    border-radius: 0 1px 1px 0;
  }
  .pair .teacher {
    top: 3px;
    background: var(--teacher);
  }
  .pair .student {
    background: var(--student-bar);
    outline: var(--bar-edge) solid var(--student);
    outline-offset: calc(-1 * var(--bar-edge));
  }
  .pair .control {
    background: var(--control);
  }
  /* Longer than the axis: its number tells. */
  .pair .over {
    mask: linear-gradient(to right, black 80%, transparent);
  }
`;

interface Bar {
  side: CompletionSide;
  /** NaN where it is not known: no bar. */
  share: number;
}

/** @param end the share at the axis' end */
export function pairBars(bars: readonly Bar[], end: number): TemplateResult[] {
  return bars.map(({ side, share }) =>
    Number.isNaN(share)
      ? html`${nothing}`
      : html`<i
          class="${side} ${share > end * 1.0001 ? 'over' : ''}"
          ${inlineStyles({ width: `${Math.min(100, (100 * share) / end)}%` })}
        ></i>`,
  );
}
