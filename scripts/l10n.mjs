/**
 * @file Writes l10n/bundle.l10n.json: every text that src/extension and the Lab's page show by `l10n.t`, and those that stand in tables of
 * src/protocol, of problems, of divergences and of imitation losses, for translators.
 * `--check` only says whether it is up to date.
 */

import { build } from 'esbuild';
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

/** The templates of the problems' words, and titles: they are data. */
async function textsOfTables() {
  const contents =
    "export { catalogue } from './src/protocol/problems/catalogue'; export { phrases } from './src/protocol/problems/phrases'; export { divergenceFacts } from './src/protocol/divergences'; export { imitationFacts } from './src/protocol/imitation';";
  const stdin = { contents, resolveDir: '.' };
  const { outputFiles } = await build({ stdin, bundle: true, write: false, format: 'esm', logLevel: 'warning' });
  const { catalogue, phrases, divergenceFacts, imitationFacts } = await import(
    `data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`
  );
  const templates = [
    ...Object.values(catalogue).flatMap(({ message, remedy }) => [message, remedy]),
    ...Object.values(phrases),
    ...Object.values(divergenceFacts).map(({ title }) => title),
    ...Object.entries(imitationFacts).flatMap(([name, { title, notes, snippet }]) => {
      return [name, title, ...Object.values(notes), snippet.title, snippet.description];
    }),
  ];
  // A part without a word, such as '"{key}"', is the same in every language.
  return templates.flat().filter((text) => text !== undefined && /\p{L}/u.test(text.replaceAll(/\{\w+(:\w+)?\}/g, '')));
}

const texts = await textsOfTables();
for (const file of globSync(['src/extension/**/*.ts', 'webview/**/*.ts']).sort()) {
  texts.push(...textsOf(file, await readFile(file, 'utf8')));
}
const written = `${JSON.stringify(Object.fromEntries([...new Set(texts)].sort().map((text) => [text, text])), undefined, 2)}\n`;
if (!process.argv.includes('--check')) await writeFile(bundle, written);
else if ((await readFile(bundle, 'utf8').catch(() => '')) !== written) {
  console.error(`${bundle} is not up to date: run npm run generate.`);
  process.exitCode = 1;
}
