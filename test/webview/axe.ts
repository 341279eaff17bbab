/** @file What axe objects to in a page: WCAG 2.1, levels A and AA, the contrast of colours among it. */

import axe from 'axe-core';

/** A document that can be asked: a page, or a frame by its body. */
interface Asked {
  evaluate(expression: string): Promise<unknown>;
}

const options: axe.RunOptions = {
  runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'],
  // Of what is as it should be one element a rule is enough: to find a selector for each of thousands takes as long as the rules do.
  resultTypes: ['violations'],
  // No rule of these asks for the text of style sheets.
  preload: false,
};

/** What depends on colours: in another theme the rest has not changed, as {@link structure} tells. */
const ofColours: axe.RunOptions = {
  ...options,
  runOnly: { type: 'rule', values: ['color-contrast', 'link-in-text-block'] },
};

/** Each violation with the element and what is wrong, a line each. */
export const violations = (page: Asked): Promise<string[]> => askedOf(page, options);

/** Those in its colours alone. */
export const violationsInColours = (page: Asked): Promise<string[]> => askedOf(page, ofColours);

async function askedOf(page: Asked, rules: axe.RunOptions): Promise<string[]> {
  if (!(await page.evaluate(`'axe' in globalThis`))) await page.evaluate(`${axe.source}; undefined`);
  const results = (await page.evaluate(`axe.run(${JSON.stringify(rules)})`)) as axe.AxeResults;
  // Nothing looked at would be no violation either.
  if (!results.passes.some(({ id }) => id === 'color-contrast')) throw new Error('axe has seen no text.');
  return results.violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, any, all, none, html }) => {
      const why = [...any, ...all, ...none].map(({ message }) => message).join('; ');
      return `${id}: ${target.flat().join(' ')}: ${why} ${html.slice(0, 160)}`;
    }),
  );
}

/** All elements of a page through all shadows: what each is, its attributes but for those of its looks, whether it can be seen, its own text. */
export const structure = (page: Asked): Promise<unknown> =>
  page.evaluate(`(function within(root) {
    return [...root.querySelectorAll('*')].flatMap((part) => [
      [
        part.localName,
        ...[...part.attributes].filter(({ name }) => !['style', 'class'].includes(name)).map(({ name, value }) => name + '=' + value),
        part.checkVisibility(),
        // A clock goes on.
        ...[...part.childNodes].filter(({ nodeType }) => nodeType === Node.TEXT_NODE).map(({ data }) => data.replace(/\\d+/g, '0')),
      ].join(' '),
      ...(part.shadowRoot ? within(part.shadowRoot) : []),
    ]);
  })(document.body)`);
