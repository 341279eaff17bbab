/** @file Every text that the extension shows goes through `l10n.t` or package.nls.json. The Lab's page: test/webview, test/journeys. */

import { readFileSync } from 'node:fs';
import { globSync } from 'tinyglobby';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

/** Two words after each other, or a sentence's begin: what a person would read. */
const prose = /\p{L}{2,} \p{L}{2,}|^\p{Lu}\p{Ll}+[ .…:]/u;

/** Files whose texts are not a person's to read, or not in the editor's own words. */
const others = [
  'lab/lab-page.ts', // a document's markup
  'inspection/heat-painter.ts', // colours
  'inspection/markdown.ts', // markup
  'tools/register-tools.ts', // answers to a language model, which speaks English best
  'tools/chat-words.ts', // likewise
  'models/model-server.ts', // errors of a process, in its words, which are English as the command line is
  'datasets/register-datasets.ts', // ids
];

/** Command lines, and names of products. */
const names =
  /^(distillery resume |TensorFlow for NVIDIA GPUs| -m pip install --upgrade torch safetensors|sbatch slurm\.sh|kubectl apply -f pytorchjob\.json)$/;

/** Texts with prose that are not arguments of `l10n.t`, nor of an error that only a developer can meet. */
function plainTexts(file: string): string[] {
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.ES2022, true);
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && node.expression.getText(source) === 'l10n.t') {
      // Its further arguments may be texts too.
      node.arguments.slice(1).forEach(visit);
      return;
    }
    if (ts.isNewExpression(node) && node.expression.getText(source) === 'Error') return;
    if (ts.isStringLiteralLike(node) || ts.isTemplateHead(node) || ts.isTemplateMiddleOrTemplateTail(node)) {
      if (prose.test(node.text) && !names.test(node.text)) found.push(`${file}: ${node.text}`);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** What package.json shows to people, by key. */
const shown = new Set([
  'title',
  'displayName',
  'description',
  'markdownDescription',
  'userDescription',
  'enumDescriptions',
  'markdownEnumDescriptions',
  'contents',
  'altText',
  'contextualTitle',
  'shortTitle',
]);

function shownTexts(value: unknown, key = ''): string[] {
  if (typeof value === 'string') return shown.has(key) ? [value] : [];
  if (Array.isArray(value)) return value.flatMap((one) => shownTexts(one, key));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => (name === 'inputSchema' ? [] : shownTexts(inner, name)));
}

describe('a text that people read', () => {
  it('goes through l10n.t in the code', () => {
    const all = globSync(['src/extension/**/*.ts', 'src/extension.ts']);
    const files = all.filter((file) => !others.some((other) => file.endsWith(other)));
    expect(files.length).toBeGreaterThan(50);
    expect(files.flatMap(plainTexts)).toEqual([]);
  });

  it('stands in package.nls.json where the manifest has it', () => {
    const { displayName, description, capabilities, contributes } = JSON.parse(
      readFileSync('package.json', 'utf8'),
    ) as Record<string, unknown>;
    const named = shownTexts({ displayName, description, capabilities, contributes });
    expect(named.length).toBeGreaterThan(60);
    expect(named.filter((text) => !/^%[\w.]+%$/.test(text))).toEqual([]);
  });
});
