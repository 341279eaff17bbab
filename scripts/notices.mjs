/**
 * @file What a package ships of others: `THIRD_PARTY_NOTICES.txt` with each licence, and `bom.json`, a bill of materials (CycloneDX, by
 * npm's own `npm sbom`). The packages are those that the bundles really hold (`dist/bundled`, by `npm run build`) and those with
 * native code. Run by hand it writes both into dist/.
 */

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (...names) => readFile(path.join(root, ...names), 'utf8');

/** Not bundled: they have native code. */
const native = [
  'koffi',
  `@koromix/koffi-${process.platform}-${process.arch}`,
  'onnxruntime-common',
  'onnxruntime-node',
];

/** A package's licence and notice files, by their names. */
const licenceFile = /^(licen[cs]e|copying|notice|third.?party.?notices?)([.-].*)?$/i;

/** Every package that is shipped: name, version, licence, and what its licence says. */
export async function shippedPackages() {
  const bundled = await readdir(path.join(root, 'dist', 'bundled'));
  const lists = await Promise.all(bundled.map(async (name) => JSON.parse(await read('dist', 'bundled', name))));
  const folders = [...lists.flat(), ...native.map((name) => `node_modules/${name}`)];
  const packages = await Promise.all([...new Set(folders)].map(describe));
  const once = new Map(packages.map((one) => [`${one.name}@${one.version}`, one]));
  return [...once.values()].sort((a, b) => a.name.localeCompare(b.name) || a.version.localeCompare(b.version));
}

async function describe(folder) {
  const { name, version, license, author } = JSON.parse(await read(folder, 'package.json'));
  const texts = await licenceTexts(folder, { name, version, license, author });
  if (texts.length === 0) throw new Error(`${name} ${version} (${license}) has no licence that could be passed on.`);
  return { name, version, license, texts };
}

async function licenceTexts(folder, { name, version, license, author }) {
  const files = (await readdir(path.join(root, folder))).filter((file) => licenceFile.test(file)).sort();
  const texts = await Promise.all(files.map((file) => read(folder, file)));
  // What a package leaves out of its npm package, of this very version.
  const kept = `${name}-${version}.txt`;
  if (name === 'onnxruntime-node' || name === 'onnxruntime-common')
    return [await read('notices', `onnxruntime-${version}.txt`)];
  if (existsSync(path.join(root, 'notices', kept))) texts.push(await read('notices', kept));
  if (texts.length > 0) return texts;
  const holder = typeof author === 'string' ? author : (author?.name ?? `the authors of ${name}`);
  if (license === 'MIT') return [mit(holder.replace(/\s*[<(].*$/, ''))];
  if (license === 'Apache-2.0') return [await read('native', 'LICENSE')];
  return [];
}

/** The licence's text as the Open Source Initiative has it. */
const mit = (holder) => `Copyright (c) ${holder}

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files (the "Software"), to deal in the Software without restriction, including without limitation the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
`;

export function noticesText(packages) {
  const line = '-'.repeat(80);
  const list = packages.map(({ name, version, license }) => `  ${name} ${version} (${license})`).join('\n');
  // Packages of one project share a text.
  const byText = new Map();
  for (const one of packages) {
    const text = one.texts.map((it) => it.replace(/\r\n/g, '\n').trim()).join('\n\n');
    byText.set(text, [...(byText.get(text) ?? []), `${one.name} ${one.version}`]);
  }
  const parts = [...byText].map(([text, names]) => `${line}\n${names.join('\n')}\n${line}\n\n${text}\n`);
  return `Distillery comes with the following software of others. OpenVINO, where a package has it, lies in dist/libraries with
its licences beside it.

${list}

${parts.join('\n')}`;
}

/** @param libraries more that is shipped: name and version */
export function billOfMaterials(packages, libraries = []) {
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const sbom = execFileSync(npm, ['sbom', '--sbom-format', 'cyclonedx', '--sbom-type', 'application'], {
    cwd: root,
    maxBuffer: 2 ** 28,
    shell: process.platform === 'win32',
  });
  const whole = JSON.parse(sbom.toString());
  const isShipped = ({ name, version }) => packages.some((one) => one.name === name && one.version === version);
  // That npm installed it as a tool of development is not how it is shipped.
  const components = whole.components.filter(isShipped).map(({ properties = [], ...component }) => ({
    ...component,
    properties: properties.filter(({ name }) => name !== 'cdx:npm:package:development'),
  }));
  const references = new Set([whole.metadata.component, ...components].map((one) => one['bom-ref']));
  components.push(
    ...libraries.map(({ name, version }) => ({ type: 'library', name, version, 'bom-ref': `${name}@${version}` })),
  );
  whole.metadata.component.name = 'distillery';
  const dependencies = whole.dependencies
    .filter(({ ref }) => references.has(ref))
    .map(({ ref, dependsOn = [] }) => ({ ref, dependsOn: dependsOn.filter((other) => references.has(other)) }));
  return { ...whole, components, dependencies };
}

/** Writes both into a folder. */
export async function writeNotices(folder, libraries) {
  const packages = await shippedPackages();
  await writeFile(path.join(folder, 'THIRD_PARTY_NOTICES.txt'), noticesText(packages));
  await writeFile(
    path.join(folder, 'bom.json'),
    `${JSON.stringify(billOfMaterials(packages, libraries), undefined, 2)}\n`,
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await writeNotices(path.join(root, 'dist'));
