/** @file Sets style properties through the CSSOM: a `style` attribute would break the page's content security policy. */

import { noChange } from 'lit';
import { Directive, directive, type ElementPart, type PartInfo, PartType } from 'lit/directive.js';

type Properties = Readonly<Record<string, string | undefined>>;

class InlineStylesDirective extends Directive {
  constructor(part: PartInfo) {
    super(part);
    if (part.type !== PartType.ELEMENT) throw new Error('inlineStyles() stands in a tag, beside its attributes.');
  }

  override render(properties: Properties): Properties {
    return properties;
  }

  override update(part: ElementPart, [properties]: [Properties]): typeof noChange {
    const { style } = part.element as HTMLElement;
    for (const [name, value] of Object.entries(properties)) {
      if (value === undefined) style.removeProperty(name);
      else style.setProperty(name, value);
    }
    return noChange;
  }
}

/** `<i ${inlineStyles({ width: '40%' })}></i>`: properties by their CSS names, custom properties included. */
export const inlineStyles = directive(InlineStylesDirective);
