/** @file What stands in hovers and how strongly tokens are painted. */

import { describe, expect, it } from 'vitest';
import { asText } from '../../../src/extension/inspection/as-text';
import { heatEdges, heatLevel } from '../../../src/extension/inspection/heat-level';

describe('text of a dataset in a hover', () => {
  it.each(['<img src=x onerror=alert(1)>', '[a](command:evil)', '**bold** `code` | cell', '$(beaker) &lt; \\* ~x~'])(
    'is never markup: %s',
    (text) => {
      // Nothing is left that Markdown, HTML or the editor's icons could take for theirs.
      expect(asText(text).replace(/&#\d+;/g, '')).not.toMatch(/[<>&[\]()*_`|$\\~!#]/);
      const back = asText(text).replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)));
      expect(back.replaceAll('·', ' ')).toBe(text);
    },
  );

  it('shows white space, which would else be lost', () => {
    expect(asText(' a\n\tb')).toBe('·a⏎⇥b');
  });
});

describe('the level of heat', () => {
  it('rises at fixed edges and has no end', () => {
    expect(heatEdges).toEqual([0.03, 0.1, 0.3, 1]);
    expect([0, 0.029, 0.03, 0.1, 0.3, 1, 20].map(heatLevel)).toEqual([0, 0, 1, 2, 3, 4, 4]);
  });
});
