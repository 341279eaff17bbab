/**
 * @file The table of docs/reliability.md from what `npm run torture` has tried (dist/test/figures). Figures of what was not tried this time stay as they are in the
 * document.
 */

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';

const figures = 'dist/test/figures';
const document = 'docs/reliability.md';
const [begin, end] = ['<!-- torture -->', '<!-- /torture -->'];

const count = (value) => (typeof value === 'number' ? value.toLocaleString('en-US') : value);

/** `kills` → its figures in words: `200 kills, 31 sweeps, …`. */
function told({ what, ...rest }) {
  return Object.entries(rest)
    .map(([name, value]) => `${count(value)} ${name}`)
    .join(', ');
}

/** Prints what was tried, and writes it into the document. */
export function tellReliability() {
  if (!existsSync(figures)) return;
  const text = readFileSync(document, 'utf8');
  const [head, rest] = text.split(begin);
  const [table, tail] = rest.split(end);
  const rows = new Map(
    table
      .split('\n')
      .filter((line) => line.startsWith('| '))
      .slice(2)
      .map((line) => [line.split('|')[1].trim(), line]),
  );
  const when = new Date().toISOString().slice(0, 10);
  const where = `${os.availableParallelism()} cores`;
  for (const file of readdirSync(figures)
    .filter((name) => name.endsWith('.json'))
    .sort()) {
    const tried = JSON.parse(readFileSync(`${figures}/${file}`, 'utf8'));
    const name = file.startsWith('fuzz-') ? `files: ${tried.what}` : tried.what;
    console.log(`${name}: ${told(tried)}`);
    rows.set(name, `| ${name} | ${told(tried)} | ${when}, ${where} |`);
  }
  const written = ['| what | tried | when |', '| --- | --- | --- |', ...rows.values()].join('\n');
  writeFileSync(document, `${head}${begin}\n\n${written}\n\n${end}${tail}`);
}
