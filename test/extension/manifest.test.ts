/** @file The manifest and the code speak of the same commands, views, keys and words. */

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { commandIds } from '../../src/extension/base/command-ids';
import { toolNames } from '../../src/extension/tools/tool-names';

interface Manifest {
  main: string;
  icon: string;
  activationEvents: string[];
  capabilities: object;
  extensionKind: string[];
  contributes: {
    commands: { command: string; title: string; category: string; icon?: string }[];
    menus: Record<string, { command: string; when?: string; group?: string }[]>;
    viewsContainers: { activitybar: { icon: string }[] };
    views: Record<string, { id: string; icon: string }[]>;
    viewsWelcome: { view: string; contents: string }[];
    jsonValidation: { url: string }[];
    languages: { configuration: string; icon: { dark: string; light: string } }[];
    grammars: { path: string }[];
    languageModelTools: { name: string; when?: string }[];
    walkthroughs: { steps: { media: { svg: string }; completionEvents: string[] }[] }[];
    keybindings: { command: string; when?: string }[];
  };
}

const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as Manifest;
const words = JSON.parse(readFileSync('package.nls.json', 'utf8')) as Record<string, string>;
const { contributes } = manifest;
const views = ['experiments', 'datasets', 'devices'].map((name) => `${name}/${name}-view.ts`);
const sources = ['base/context-keys.ts', 'lab/lab-panel.ts', ...views].map((file) =>
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

  it('contributes exactly the tools that have an implementation; what runs or opens files needs trust', () => {
    expect(contributes.languageModelTools.map(({ name }) => name)).toEqual([...toolNames]);
    const trusted = contributes.languageModelTools.filter(({ when }) => when === 'isWorkspaceTrusted');
    expect(trusted.map(({ name }) => name.replace('distillery_', ''))).toEqual([
      'validate_experiment',
      'run_experiment',
      'inspect_text',
    ]);
  });

  it('binds keys only where they mean something', () => {
    for (const { command, when } of contributes.keybindings) {
      expect(commandIds).toContain(command);
      expect(when).toMatch(/editorTextFocus|listFocus/);
    }
  });

  it('offers nothing that runs where the workspace is not trusted', () => {
    const running = [
      'runExperiment',
      'sweepExperiment',
      'studyExperiment',
      'stopRun',
      'pauseRun',
      'resumeRun',
      'inspectDataset',
    ];
    for (const { command, when } of Object.values(contributes.menus).flat()) {
      if (running.includes(command.replace('distillery.', ''))) expect(when).toContain('isWorkspaceTrusted');
    }
  });

  it('has each text of the code in the bundle for translators (else run node scripts/l10n.mjs)', () => {
    expect(spawnSync(process.execPath, ['scripts/l10n.mjs', '--check']).stderr.toString()).toBe('');
  });

  it('says what works in a folder that is not trusted, and that it needs one on a disk', () => {
    expect(manifest.extensionKind).toEqual(['workspace']);
    expect(manifest.capabilities).toEqual({
      untrustedWorkspaces: { supported: 'limited', description: '%capabilities.untrusted%' },
      virtualWorkspaces: { supported: false, description: '%capabilities.virtual%' },
    });
    expect(words['capabilities.untrusted']).toMatch(/Finished runs can be looked at.*trusted workspace/);
    expect(words['capabilities.virtual']).toMatch(/needs a folder on a disk/);
  });

  it('has an icon for each command that stands beside a row or in a title', () => {
    const beside = Object.entries(contributes.menus).flatMap(([menu, entries]) =>
      entries.filter(({ group = '' }) =>
        menu.endsWith('/title') ? group.startsWith('navigation') : group.startsWith('inline'),
      ),
    );
    const withIcon = contributes.commands.filter(({ icon }) => icon?.startsWith('$(')).map(({ command }) => command);
    expect(beside.map(({ command }) => command).filter((command) => !withIcon.includes(command))).toEqual([]);
  });

  it('has a walkthrough whose steps are ticked by doing them, in the colours of the Lab', () => {
    const [{ steps }] = contributes.walkthroughs as [(typeof contributes.walkthroughs)[0]];
    for (const { completionEvents } of steps) {
      expect(completionEvents.filter((event) => !event.startsWith('onCommand:'))).toEqual([]);
    }
    const drawn = steps.map(({ media }) => readFileSync(media.svg, 'utf8')).join('');
    // The student's; charts-orange is half transparent in most themes and the teacher's blue in one.
    const student = 'var(--vscode-symbolIcon-classForeground, var(--vscode-charts-orange))';
    expect(drawn).toContain(student);
    expect(drawn.replaceAll(student, '')).not.toContain('--vscode-charts-orange');
    // That of the hidden-layer loss, which no step shows.
    expect(drawn).not.toContain('--vscode-charts-yellow');
  });

  it('names only files that exist', () => {
    const files = [
      manifest.icon,
      ...contributes.viewsContainers.activitybar.map(({ icon }) => icon),
      ...Object.values(contributes.views)
        .flat()
        .map(({ icon }) => icon),
      ...contributes.jsonValidation.map(({ url }) => url),
      ...contributes.languages.flatMap(({ configuration, icon }) => [configuration, icon.dark, icon.light]),
      ...contributes.grammars.map(({ path }) => path),
      ...contributes.walkthroughs.flatMap(({ steps }) => steps.map(({ media }) => media.svg)),
    ];
    expect(files.filter((file) => !existsSync(file))).toEqual([]);
  });
});
