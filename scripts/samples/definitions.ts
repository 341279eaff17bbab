/** @file WordNet's nouns as rows: what a definition says, and which of 24 kinds of thing it defines. */

import { readFile } from 'node:fs/promises';

export interface Definition {
  /** Offset of the sense in the file, its name in WordNet. */
  id: string;
  text: string;
  label: string;
}

/**
 * Names of the lexicographer files of nouns, by their number (WordNet's lexnames(5WN)). Left out: 3, "Tops", which holds the
 * roots of the others, and 16, "motive", whose 40 definitions are too few to be learnt or judged by.
 */
const KINDS: Readonly<Record<string, string>> = {
  '04': 'act',
  '05': 'animal',
  '06': 'artifact',
  '07': 'attribute',
  '08': 'body',
  '09': 'cognition',
  '10': 'communication',
  '11': 'event',
  '12': 'feeling',
  '13': 'food',
  '14': 'group',
  '15': 'location',
  '17': 'object',
  '18': 'person',
  '19': 'phenomenon',
  '20': 'plant',
  '21': 'possession',
  '22': 'process',
  '23': 'quantity',
  '24': 'relation',
  '25': 'shape',
  '26': 'state',
  '27': 'substance',
  '28': 'time',
};

/** A shorter definition is a synonym ("an edition"), which says little of the kind. */
const MINIMUM_CHARACTERS = 12;

/** The definitions of WordNet's `data.noun`, in its order; none twice, and none that defines things of two kinds. */
export async function readDefinitions(file: string): Promise<Definition[]> {
  const lines = (await readFile(file, 'utf8')).split('\n');
  const rows = lines.flatMap((line) => definitionOf(line) ?? []);
  const kindsOf = new Map<string, Set<string>>();
  for (const { text, label } of rows) kindsOf.set(text, (kindsOf.get(text) ?? new Set()).add(label));
  const seen = new Set<string>();
  return rows.filter(({ text }) => {
    if (seen.has(text) || kindsOf.get(text)!.size > 1) return false;
    seen.add(text);
    return true;
  });
}

/** A line is `offset file type … | gloss`; the licence stands before the data, on lines that begin with a space. */
export function definitionOf(line: string): Definition | undefined {
  const [id = '', file = ''] = line.split(' ', 2);
  const label = KINDS[file];
  const bar = line.indexOf(' | ');
  if (!/^\d{8}$/.test(id) || label === undefined || bar < 0) return undefined;
  // What follows the definition are examples, in quotation marks.
  const text = line
    .slice(bar + 3)
    .split('; "', 1)[0]!
    .trim();
  return text.length < MINIMUM_CHARACTERS ? undefined : { id, text, label };
}
