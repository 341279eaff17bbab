/** @file The manifest and the code speak of the same commands, views, keys and words. */

import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { commandIds } from '../../src/extension/commands/command-ids';

interface Manifest {
  main: string;
  icon: string;
  activationEvents: string[];
  capabilities: object;
  contributes: {
    commands: { command: string; title: string; category: string }[];
    menus: Record<string, { command: string; when?: string }[]>;
    viewsContainers: { activitybar: { icon: string }[] };
    views: Record<string, { id: string; icon: string }[]>;
    viewsWelcome: { view: string; contents: string }[];
    jsonValidation: { url: string }[];
  };
}

const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as Manifest;
const words = JSON.parse(readFileSync('package.nls.json', 'utf8')) as Record<string, string>;
const { contributes } = manifest;
const views = ['experiments', 'datasets', 'devices'].map((name) => `views/${name}-view.ts`);
const sources = ['context-keys.ts', 'panel/lab.ts', ...views].map((file) =>
  readFileSync(`src/extension/${file}`, 'utf8'),
);

describe('the manifest', () => {
  it('contributes exactly the commands that have a handler, all in one category', () => {
    expect(contributes.commands.map(({ command }) => command).sort()).toEqual([...commandIds].sort());
    expect(new Set(contributes.commands.map(({ category }) => category))).toEqual(new Set(['Distillery']));
  });

  it('names only those commands in menus and in what an empty view says', () => {
    const inMenus = Object.values(contributes.menus)
      .flat()
      .map(({ command }) => command);
    const inWords = Object.values(words).flatMap((text) =>
      [...text.matchAll(/\(command:(distillery\.\w+)\)/g)].map((match) => match[1]!),
    );
    expect([...inMenus, ...inWords].filter((id) => !(commandIds as readonly string[]).includes(id))).toEqual([]);
  });

  it('has a word for each placeholder, and a placeholder for each word', () => {
    const used = [...JSON.stringify(manifest).matchAll(/"%([^%"]+)%"/g)].map((match) => match[1]!);
    expect([...new Set(used)].sort()).toEqual(Object.keys(words).sort());
  });

  it('asks in its when clauses only for keys that the code sets', () => {
    const whens = JSON.stringify(contributes).match(/distillery\.has\w+/g) ?? [];
    const known = sources[0]!.match(/distillery\.has\w+/g) ?? [];
    expect([...new Set(whens)].sort()).toEqual([...new Set(known)].sort());
  });

  it('registers the views and panels that the code creates', () => {
    for (const { id } of contributes.views.distillery!) expect(sources.join('')).toContain(`'${id}'`);
    const panel = manifest.activationEvents.find((event) => event.startsWith('onWebviewPanel:'));
    expect(sources[1]).toContain(`'${panel!.slice('onWebviewPanel:'.length)}'`);
  });

  it('names only files that exist', () => {
    const files = [
      manifest.icon,
      ...contributes.viewsContainers.activitybar.map(({ icon }) => icon),
      ...Object.values(contributes.views)
        .flat()
        .map(({ icon }) => icon),
      ...contributes.jsonValidation.map(({ url }) => url),
    ];
    expect(files.filter((file) => !existsSync(file))).toEqual([]);
  });
});
