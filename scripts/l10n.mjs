/**
 * @file Writes l10n/bundle.l10n.json: every text that src/extension and the Lab's page show by `l10n.t`, for translators.
 * `--check` only says whether it is up to date.
 */

import { globSync } from 'tinyglobby';
import { readFile, writeFile } from 'node:fs/promises';
import ts from 'typescript';

const bundle = 'l10n/bundle.l10n.json';

/** The first argument of each call of `l10n.t`; it must be a plain text, for translators cannot run code. */
function textsOf(file, content) {
  const source = ts.createSourceFile(file, content, ts.ScriptTarget.ES2022, true);
  const texts = [];
  const visit = (node) => {
    if (ts.isCallExpression(node) && node.expression.getText(source) === 'l10n.t') {
      const [text] = node.arguments;
      if (!ts.isStringLiteralLike(text)) throw new Error(`${file}: l10n.t(${text.getText(source)}) is no plain text.`);
      texts.push(text.text);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return texts;
}

const texts = [];
for (const file of globSync(['src/extension/**/*.ts', 'webview/**/*.ts']).sort()) {
  texts.push(...textsOf(file, await readFile(file, 'utf8')));
}
const written = `${JSON.stringify(Object.fromEntries([...new Set(texts)].sort().map((text) => [text, text])), undefined, 2)}\n`;
if (!process.argv.includes('--check')) await writeFile(bundle, written);
else if ((await readFile(bundle, 'utf8').catch(() => '')) !== written) {
  console.error(`${bundle} is not up to date: run npm run generate.`);
  process.exitCode = 1;
}
