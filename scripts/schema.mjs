/**
 * @file Writes from src/experiment/file/schema.ts: media/experiment.schema.json, which any tool can check experiments by,
 * media/experiment.editor.schema.json, by which the editor completes and explains them, and docs/settings.md, where people read of each
 * setting. `--check` only says whether they are up to date.
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

async function write(file, written) {
  if (!process.argv.includes('--check')) await writeFile(file, written);
  else if ((await readFile(file, 'utf8').catch(() => '')) !== written) {
    console.error(`${file} is not up to date: run npm run generate.`);
    process.exitCode = 1;
  }
}
const inJson = (schema) => format(JSON.stringify(schema), { parser: 'json', printWidth: 120 });
await write('media/experiment.schema.json', await inJson(experimentJsonSchema()));
await write('media/experiment.editor.schema.json', await inJson(experimentEditorSchema()));

const quoted = (value) => `\`${JSON.stringify(value)}\``;

/** What a value may be, in a few words; undefined where the setting's own settings say it. */
function kindOf(schema) {
  if ('const' in schema) return quoted(schema.const);
  if (schema.enum) return schema.enum.map(quoted).join(', ');
  const several = schema.anyOf ?? schema.oneOf;
  if (several)
    return several
      .map((one) => kindOf(one) ?? 'settings')
      .filter((kind, i, all) => all.indexOf(kind) === i)
      .join(' or ');
  if (schema.type === 'array')
    return Array.isArray(schema.items) ? 'a list' : `a list: ${kindOf(schema.items) ?? 'settings'}`;
  if (schema.type === 'number' || schema.type === 'integer') {
    const bounds = [
      schema.minimum > Number.MIN_SAFE_INTEGER && `at least ${schema.minimum}`,
      schema.exclusiveMinimum !== undefined && `above ${schema.exclusiveMinimum}`,
      schema.maximum < Number.MAX_SAFE_INTEGER && `at most ${schema.maximum}`,
      schema.exclusiveMaximum !== undefined && `below ${schema.exclusiveMaximum}`,
    ].filter(Boolean);
    return [schema.type === 'integer' ? 'a whole number' : 'a number', ...bounds].join(' ');
  }
  return { string: 'a text', boolean: '`true` or `false`' }[schema.type];
}

/** Settings that were told of, by the names of what is in them: at another place only what differs is. */
const told = new Map();

/** A line a setting, with those in it below. */
function linesOf(name, schema, required, depth) {
  const isPlain = !['object', 'undefined'].includes(typeof schema.default);
  const usual = isPlain ? `, ${quoted(schema.default)} if left out` : '';
  const kind = kindOf(schema);
  const about = [required && 'required', kind && kind + usual].filter(Boolean).join(', ');
  const line = `${'  '.repeat(depth)}- \`${name}\`${about && ` (${about})`}: ${(schema.description ?? '').replaceAll('\n', '\\n')}`;
  return [line, ...within(name, schema, depth + 1)];
}

function within(name, schema, depth) {
  const parts = [schema, ...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...[schema.items ?? []].flat()];
  return parts.flatMap((part) => {
    if (part !== schema && !part.properties) return within(name, part, depth);
    const settings = Object.entries(part.properties ?? {});
    if (settings.length === 0) return [];
    const [tag] = settings.filter(([, one]) => 'const' in one);
    const indent = '  '.repeat(depth);
    const title = tag ? [`${indent}- \`${tag[0]}\` ${quoted(tag[1].const)}: ${part.description ?? ''}`] : [];
    const below = depth + title.length;
    const names = settings.map(([key]) => key).join();
    const before = tag ? undefined : told.get(names);
    if (!before) told.set(names, { name, properties: part.properties });
    const others = settings.filter(
      ([key, one]) => one !== tag?.[1] && JSON.stringify(one) !== JSON.stringify(before?.properties[key]),
    );
    return [
      ...title,
      ...(before && settings.length > 2
        ? [`${indent}- what \`${before.name}\` has${others.length > 0 ? ', but' : '.'}`]
        : []),
      ...(before && settings.length > 2 ? others : settings.filter(([, one]) => one !== tag?.[1])).flatMap(
        ([key, one]) => linesOf(key, one, part.required?.includes(key) && one.default === undefined, below),
      ),
    ];
  });
}

const experiment = experimentJsonSchema();
const sections = Object.entries(experiment.properties)
  .filter(([name]) => name !== '$schema')
  // `training` before the teacher's, which has the same.
  .sort(([one], [other]) => Number(other === 'training') - Number(one === 'training'))
  .map(([name, schema]) => [name, linesOf(name, schema, experiment.required.includes(name), 0)]);
const inOrder = Object.keys(experiment.properties).flatMap((name) => sections.find(([one]) => one === name)?.[1] ?? []);
await write(
  'docs/settings.md',
  `# Settings of an experiment

Every setting of \`NAME.distill.json\`, from its schema (\`npm run generate\`); [the guide](guide.md#the-experiment-file) says what they are for.

${inOrder.map((line) => line.trimEnd()).join('\n')}
`,
);
