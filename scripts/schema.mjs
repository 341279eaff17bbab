/**
 * @file Writes from src/experiment/file/schema.ts: media/experiment.schema.json, which any tool can check experiments by, and
 * media/experiment.editor.schema.json, by which the editor completes and explains them. `--check` only says whether they are up to date.
 */

import { build } from 'esbuild';
import { readFile, writeFile } from 'node:fs/promises';
import { format } from 'prettier';

const { outputFiles } = await build({
  stdin: {
    contents: `export { experimentJsonSchema } from './schema'; export { experimentEditorSchema } from './editor-schema';`,
    resolveDir: 'src/experiment/file',
    loader: 'ts',
  },
  bundle: true,
  format: 'esm',
  platform: 'node',
  write: false,
});
const { experimentJsonSchema, experimentEditorSchema } = await import(
  `data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`
);

async function write(file, schema) {
  const written = await format(JSON.stringify(schema), { parser: 'json', printWidth: 120 });
  if (!process.argv.includes('--check')) await writeFile(file, written);
  else if ((await readFile(file, 'utf8').catch(() => '')) !== written) {
    console.error(`${file} is not up to date: run npm run generate.`);
    process.exitCode = 1;
  }
}
await write('media/experiment.schema.json', experimentJsonSchema());
await write('media/experiment.editor.schema.json', experimentEditorSchema());
