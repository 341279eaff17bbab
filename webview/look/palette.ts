/** @file Theme colours for a canvas, which knows no custom properties, and for files. */

import { paperColours } from '../../src/protocol/drawing/shapes';

/** The colour a CSS expression such as `var(--soft)` stands for where the element is, in a form that a canvas takes. */
export function resolveColour(element: HTMLElement, expression: string): string {
  element.style.color = expression;
  return getComputedStyle(element).color;
}

/** A drawing's colours, by the custom properties that it names, as the theme has them now. */
export function themeColours(): Record<string, string> {
  const probe = document.createElement('span');
  document.body.append(probe);
  const names = Object.keys(paperColours);
  const colours = names.map((name) => [name, plainColour(resolveColour(probe, `var(--${name})`))] as const);
  probe.remove();
  return Object.fromEntries(colours);
}

/** `color(srgb 0.6 0.6 0.6 / 0.9)`, as browsers say what color-mix gave, in the older form that every viewer of SVG reads. */
function plainColour(colour: string): string {
  const parts = /^color\(srgb ([\d.e-]+) ([\d.e-]+) ([\d.e-]+)(?: \/ ([\d.e-]+))?\)$/.exec(colour);
  if (!parts) return colour;
  const [red, green, blue] = parts.slice(1, 4).map((part) => Math.round(255 * Number(part)));
  return `rgba(${red}, ${green}, ${blue}, ${Number(parts[4] ?? 1)})`;
}

/** Calls back after VS Code has changed the theme, until the returned function is called. */
export function onThemeChange(changed: () => void): () => void {
  const observer = new MutationObserver(changed);
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ['style', 'class'] });
  observer.observe(document.body, { attributes: true, attributeFilter: ['class'] });
  return () => observer.disconnect();
}
