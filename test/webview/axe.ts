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

/** Each violation with the element and what is wrong, a line each. */
export async function violations(page: Asked): Promise<string[]> {
  if (!(await page.evaluate(`'axe' in globalThis`))) await page.evaluate(`${axe.source}; undefined`);
  const results = (await page.evaluate(`axe.run(${JSON.stringify(options)})`)) as axe.AxeResults;
  // Nothing looked at would be no violation either.
  if (!results.passes.some(({ id }) => id === 'color-contrast')) throw new Error('axe has seen no text.');
  return results.violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, any, all, none, html }) => {
      const why = [...any, ...all, ...none].map(({ message }) => message).join('; ');
      return `${id}: ${target.flat().join(' ')}: ${why} ${html.slice(0, 160)}`;
    }),
  );
}
