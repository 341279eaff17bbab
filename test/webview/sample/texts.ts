/** @file Texts and their tokens: sentences of Moby Dick, mails, and one that is full of markup. */

import type { InspectedToken } from '../../../src/protocol/inspection-records';
import { random } from './random';

/** A text that would run, were it ever taken for markup. */
export const hostileText =
  '<img src=x onerror="document.title=1"><script>document.title=2</script> &lt;b&gt; </bdi>${document.title=3} {{4}}';

export const sentences = [
  'Call me Ishmael. Some years ago—never mind how long precisely—having little or no money in my purse, and nothing particular to interest me on shore, I thought I would sail about a little and see the watery part of the world.',
  'Whenever I find myself growing grim about the mouth; whenever it is a damp, drizzly November in my soul',
  'It is a way I have of driving off the spleen, and regulating the circulation.',
  'Consider the subtleness of the sea; how its most dreaded creatures glide under water',
  'Better sleep with a sober cannibal than a drunken Christian.',
  'All visible objects, man, are but as pasteboard masks.',
  'I know not all that may be coming, but be it what it will, I will go to it laughing.',
  'Now small fowls flew screaming over the yet yawning gulf; a sullen white surf beat against its steep sides',
  'Look not too long in the face of the fire, O man! Never dream with thy hand on the helm!',
];

export const mails = [
  ['Re: invoice for the conference dinner, final reminder before we close the list', 'ham'],
  ['Your mailbox has been selected! Claim the prize of $1,000,000 today, no purchase necessary', 'spam'],
  ['[ILUG] Free software day in Cork, anyone driving down from Dublin on Saturday?', 'ham'],
  ['Newsletter: five offers our readers liked in August, unsubscribe at any time', 'spam'],
  ['URGENT business proposal, strictly confidential, from the desk of the manager', 'spam'],
  ['Congratulations on your domain renewal, your receipt is attached', 'ham'],
  [
    'patch for the exmh pick sequence, please test before I commit it\n\n> Does this also mend the folder scan?\n\nIt does here.',
    'ham',
  ],
  ['You could be paying less for your mortgage! No obligation, apply now', 'spam'],
] as const;

/** Pieces of at most six letters, with the space before them, as a byte-pair tokenizer would cut. */
export function tokenize(text: string, idOf: (token: string) => number): InspectedToken[] {
  const pieces = [...text.matchAll(/ ?[A-Za-z]{1,6}|[A-Za-z]{1,6}| ?[^A-Za-z\s]|\s/g)];
  return pieces.map((match) => ({
    id: idOf(match[0]),
    token: match[0],
    start: match.index,
    end: match.index + match[0].length,
  }));
}

export function vocabularyOf(size: number): { names: string[]; idOf: (token: string) => number } {
  const ids = new Map<string, number>();
  const names: string[] = [];
  const idOf = (token: string): number => {
    const known = ids.get(token);
    if (known !== undefined) return known;
    ids.set(token, names.length);
    return names.push(token) - 1;
  };
  for (const text of [...sentences, hostileText]) tokenize(text, idOf);
  idOf('<|endoftext|>');
  const next = random(7);
  const syllables = 'ar bo ch de en fi gr ho il ju ke lo mu no op qu ra st th un ve wi ya zo'.split(' ');
  while (names.length < size) {
    const parts = Array.from({ length: 1 + Math.floor(3 * next()) }, () => syllables[Math.floor(24 * next())]!);
    idOf(`${next() < 0.6 ? ' ' : ''}${parts.join('')}`);
  }
  return { names: names.slice(0, size), idOf };
}
