/** @file What stands in hovers. */

import { describe, expect, it } from 'vitest';
import { asText } from '../../../src/extension/inspection/as-text';

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
