/** @file Puts a drawing of src/protocol/drawing on screen. */

import { html, noChange, nothing, svg, type SVGTemplateResult, type TemplateResult } from 'lit';
import { Directive, directive, type ElementPart, type PartInfo, PartType } from 'lit/directive.js';
import type { Drawing, Shape } from '../../src/protocol/drawing/shapes';

/** Sets attributes whose names are known only now. */
class Attributes extends Directive {
  #names = new Set<string>();

  constructor(part: PartInfo) {
    super(part);
    if (part.type !== PartType.ELEMENT) throw new Error('attributes() stands in a tag, beside its attributes.');
  }

  override render(values: Shape['attributes']): Shape['attributes'] {
    return values;
  }

  override update(part: ElementPart, [values]: [Shape['attributes']]): typeof noChange {
    for (const name of this.#names) if (!(name in values)) part.element.removeAttribute(name);
    for (const [name, value] of Object.entries(values)) part.element.setAttribute(name, String(value));
    this.#names = new Set(Object.keys(values));
    return noChange;
  }
}

const attributes = directive(Attributes);

function shapeTemplate({ tag, attributes: values, children, text }: Shape): SVGTemplateResult {
  const set = attributes(values);
  switch (tag) {
    case 'line':
      return svg`<line ${set}/>`;
    case 'path':
      return svg`<path ${set}/>`;
    case 'rect':
      return svg`<rect ${set}/>`;
    case 'circle':
      return svg`<circle ${set}/>`;
    case 'text':
      return svg`<text ${set}>${text ?? nothing}</text>`;
    case 'g':
      return svg`<g ${set}>${(children ?? []).map(shapeTemplate)}</g>`;
  }
}

export function drawn({ width, height, label, shapes }: Drawing): TemplateResult {
  return html`<svg class="plot drawn" width=${width} height=${height} role="img" aria-label=${label}>
    ${shapes.map(shapeTemplate)}
  </svg>`;
}
