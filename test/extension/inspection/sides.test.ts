/** @file What stands beside an inspected row: within the characters that the editor shows. */

import { describe, expect, it } from 'vitest';
import { sidesWords, type Side } from '../../../src/extension/inspection/sides';

const names = { teacher: 'teacher', student: 'student' };
const longest = 43;

const side = (role: Side['role'], says: string, probability?: string, isWrong = false): Side => ({
  role,
  says,
  isWrong,
  ...(probability !== undefined && { probability }),
});

const shown = (...sides: Side[]): string => sidesWords(sides, names, longest);

describe('what both models say of a row', () => {
  it('is said in words where they fit', () => {
    expect(shown(side('teacher', 'ham', '.98'), side('student', 'spam', '.61', true))).toBe(
      'teacher ham .98 → student ✗ spam .61',
    );
    expect(shown(side('student', 'spam', '.61'))).toBe('student spam .61');
  });

  it('has signs for the roles where words would be cut off', () => {
    const both = [side('teacher', 'communication', '.36'), side('student', 'cognition', '.31', true)];
    expect(shown(...both)).toBe('■ communication .36 → ● ✗ cognition .31');
    expect(sidesWords(both, names)).toBe('teacher communication .36 → student ✗ cognition .31');
  });

  it('has the beginnings of long names, and each probability whole', () => {
    const text = shown(side('teacher', 'a'.repeat(60), '>.99'), side('student', 'short', '.31', true));
    expect(text).toMatch(/^■ a+… >\.99 → ● ✗ short \.31$/);
    expect(text.length).toBe(longest);
    const two = shown(side('teacher', 'x'.repeat(60), '.50'), side('student', 'y'.repeat(60), '.40'));
    expect(two).toMatch(/^■ x+… \.50 → ● y+… \.40$/);
    expect(two.length).toBeLessThanOrEqual(longest);
  });

  it('cuts no character in two, and is no icon of the editor', () => {
    const text = shown(side('teacher', '😀'.repeat(40), '.5'), side('student', '$(beaker)'.repeat(9), '.4'));
    expect(text).not.toMatch(/[\ud800-\udbff](?![\udc00-\udfff])/);
    expect(text).not.toContain('$(');
  });
});
