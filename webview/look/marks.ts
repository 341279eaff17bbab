/** @file The marks of the roles: a role is never told by colour alone. */

import { svg, html, type SVGTemplateResult, type TemplateResult } from 'lit';
import type { Role } from '../../src/protocol/records';

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
