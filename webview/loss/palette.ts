/** @file Theme colours for a canvas, which knows no custom properties. */

/** The colour a CSS expression such as `var(--soft)` stands for where the element is, in a form that a canvas takes. */
export function resolveColour(element: HTMLElement, expression: string): string {
  element.style.color = expression;
  return getComputedStyle(element).color;
}

/** Calls back after VS Code has changed the theme, until the returned function is called. */
export function onThemeChange(changed: () => void): () => void {
  const observer = new MutationObserver(changed);
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ['style', 'class'] });
  observer.observe(document.body, { attributes: true, attributeFilter: ['class'] });
  return () => observer.disconnect();
}
