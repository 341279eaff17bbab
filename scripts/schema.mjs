/** @file Writes media/experiment.schema.json from src/experiment/schema.ts, for editors to complete and hover from. */

import { build } from 'esbuild';
import { writeFile } from 'node:fs/promises';
import { format } from 'prettier';

const { outputFiles } = await build({
  entryPoints: ['src/experiment/schema.ts'],
  bundle: true,
  format: 'esm',
  platform: 'node',
  write: false,
});
const { experimentJsonSchema } = await import(
  `data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`
);
const text = await format(JSON.stringify(experimentJsonSchema()), { parser: 'json', printWidth: 120 });
await writeFile('media/experiment.schema.json', text);
