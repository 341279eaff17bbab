/** @file Line icons of 16 × 16, and the marks of the roles: a role is never told by colour alone. */

import { svg, html, type SVGTemplateResult, type TemplateResult } from 'lit';
import type { Role } from '../../src/protocol/records';

const paths = {
  running: svg`<path d="M13.5 8a5.5 5.5 0 0 1-10 3.2M2.5 8a5.5 5.5 0 0 1 10-3.2M12.5 1.8v3h-3M3.5 14.2v-3h3"/>`,
  done: svg`<circle cx="8" cy="8" r="6"/><path d="M5.2 8.2l2 2 3.6-4"/>`,
  failed: svg`<circle cx="8" cy="8" r="6"/><path d="M5.8 5.8l4.4 4.4M10.2 5.8l-4.4 4.4"/>`,
  stopped: svg`<circle cx="8" cy="8" r="6"/><path d="M3.8 3.8l8.4 8.4"/>`,
  paused: svg`<path d="M5.5 3.5v9M10.5 3.5v9"/>`,
  queued: svg`<circle cx="8" cy="8" r="6"/><path d="M8 4.5V8l2.5 1.5"/>`,
  warning: svg`<path d="M8 2.2L14.3 13.4H1.7zM8 6.4v3.4M8 11.4v.3"/>`,
  play: svg`<path d="M5 3.5v9l7-4.5z" fill="currentColor" stroke="none"/>`,
  stop: svg`<rect x="4" y="4" width="8" height="8"/>`,
  left: svg`<path d="M10 3.5L5.5 8l4.5 4.5"/>`,
  right: svg`<path d="M6 3.5L10.5 8L6 12.5"/>`,
  down: svg`<path d="M3.5 6L8 10.5L12.5 6"/>`,
  add: svg`<path d="M8 3v10M3 8h10"/>`,
  close: svg`<path d="M4 4l8 8M12 4l-8 8"/>`,
  save: svg`<path d="M8 2.5v7M5 7l3 3l3-3M2.5 12.5h11"/>`,
  search: svg`<circle cx="7" cy="7" r="4"/><path d="M10 10l3.5 3.5"/>`,
  table: svg`<rect x="2" y="3" width="12" height="10"/><path d="M2 6.5h12M2 9.75h12M6.5 6.5V13"/>`,
} as const;

export type IconName = keyof typeof paths;

export function icon(name: IconName, classes = ''): TemplateResult {
  return html`<svg class="icon ${classes}" viewBox="0 0 16 16" aria-hidden="true">${paths[name]}</svg>`;
}

/** A role's mark as SVG shapes: teacher square, student disc, control open diamond, hard label filled diamond. */
export function markShape(role: Role | 'label', x: number, y: number, radius: number, open = false): SVGTemplateResult {
  const diamond = (r: number): string => `M${x} ${y - r}L${x + r} ${y}L${x} ${y + r}L${x - r} ${y}Z`;
  switch (role) {
    case 'teacher':
      return svg`<rect class="mark teacher" x=${x - radius} y=${y - radius} width=${2 * radius} height=${2 * radius}/>`;
    case 'student':
      return svg`<circle class="mark student ${open ? 'open' : ''}" cx=${x} cy=${y} r=${radius}/>`;
    case 'control':
      return svg`<path class="mark control open" d=${diamond(radius * 1.2)}/>`;
    case 'label':
      return svg`<path class="mark label" d=${diamond(radius * 1.25)}/>`;
  }
}

/** The mark beside a word or number; `name` is read out where no word stands beside it. */
export function mark(role: Role | 'label', name?: string, open = false): TemplateResult {
  return html`<svg
    class="swatch"
    viewBox="0 0 10 10"
    role=${name === undefined ? 'presentation' : 'img'}
    aria-label=${name ?? ''}
    aria-hidden=${name === undefined ? 'true' : 'false'}
  >
    ${markShape(role, 5, 5, 4, open)}
  </svg>`;
}
