/**
 * @file Writes what follows from tables in the code where code cannot look it up: src/protocol/encoders.json, for the page knows no layouts, and
 * in docs/guide.md what stands between `<!-- NAME -->` and `<!-- / -->`. `--check` only says whether they are up to date.
 */

import { build } from 'esbuild';
import { readFile, writeFile } from 'node:fs/promises';

const contents = `
  export { isDecoder } from './src/experiment/architecture';
  export { familyNames } from './src/model/layouts/families';
  export { divergenceFacts, divergenceNames } from './src/protocol/divergences';
`;
const stdin = { contents, resolveDir: '.' };
const { outputFiles } = await build({ stdin, bundle: true, write: false, format: 'esm', platform: 'node' });
const { isDecoder, familyNames, divergenceFacts, divergenceNames } = await import(
  `data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`
);

const listed = (names) => names.map((name) => `\`${name}\``).join(', ');

/** Each by the name between whose marks it stands. */
const inTheGuide = {
  divergences: `${listed(divergenceNames)}; \`beta\` is of ${listed(divergenceNames.filter((name) => divergenceFacts[name].beta))}`,
  encoders: listed(familyNames.filter((family) => !isDecoder(family))),
  decoders: listed(familyNames.filter(isDecoder)),
};

async function write(file, make) {
  const before = await readFile(file, 'utf8').catch(() => '');
  const written = make(before);
  if (!process.argv.includes('--check')) await writeFile(file, written);
  else if (before !== written) {
    console.error(`${file} is not up to date: run npm run generate.`);
    process.exitCode = 1;
  }
}

await write('src/protocol/encoders.json', () => {
  return `[${familyNames
    .filter((family) => !isDecoder(family))
    .map((family) => JSON.stringify(family))
    .join(', ')}]\n`;
});
await write('docs/guide.md', (guide) =>
  Object.entries(inTheGuide).reduce((text, [name, list]) => {
    const marked = new RegExp(`(<!-- ${name} -->).*?(<!-- / -->)`, 's');
    if (!marked.test(text)) throw new Error(`docs/guide.md has no <!-- ${name} -->.`);
    return text.replace(marked, (_, start, end) => start + list + end);
  }, guide),
);
