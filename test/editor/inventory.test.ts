/** @file Everything that the manifest contributes has been carried out in a real editor, or is named here. Runs last. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'mocha';
import { commandIds } from '../../src/extension/base/command-ids';
import {
  editorMenus,
  editorTitles,
  explorerMenus,
  keys,
  neverInPalette,
  rows,
  seen,
  titles,
  welcomes,
} from '../journeys/offers';
import { exercised, type Kind } from './exercised';
import { root } from './tiny-run';

const read = (...file: string[]): string => readFileSync(path.join(root, ...file), 'utf8');

const { contributes } = JSON.parse(read('package.json')) as {
  contributes: {
    commands: { command: string }[];
    menus: Record<string, { command: string; when: string; group?: string }[]>;
    keybindings: { command: string; key: string }[];
    views: Record<string, { id: string; name: string }[]>;
    viewsWelcome: { contents: string }[];
    snippets?: object[];
    languageModelTools: { name: string }[];
    configuration: { properties: Record<string, unknown> };
  };
};

const lensSources = ['experiments/code-lenses.ts', 'inspection/row-lenses.ts'].map((file) =>
  read('src/extension', file),
);

const contributed: Record<Kind, string[]> = {
  command: contributes.commands.map(({ command }) => command),
  tool: contributes.languageModelTools.map(({ name }) => name),
  lens: commandIds.filter((id) => lensSources.some((source) => source.includes(`'${id}'`))),
  setting: Object.keys(contributes.configuration.properties),
};

/** What cannot be done without a person's click is done in a journey: its file, and the words that are clicked there. */
const inJourneys: Partial<Record<Kind, Record<string, [journey: string, words: string]>>> = {
  command: {
    'distillery.showMoreRuns': ['experiments.journey.ts', '2,950 more runs'],
    'distillery.measureDevices': ['welcome.journey.ts', 'Measure Devices'],
    'distillery.emptyTrash': ['experiments.journey.ts', 'Empty Trash'],
    'distillery.revealRunFolder': ['menus.journey.ts', 'Reveal Run Folder'],
    'distillery.removeLibrary': ['menus.journey.ts', 'Remove Native Library…'],
    'distillery.refreshDevices': ['welcome.journey.ts', 'Refresh Devices'],
    'distillery.fetchModel': ['welcome.journey.ts', 'Fetch Model…'],
    'distillery.setHubToken': ['welcome.journey.ts', 'Set Hugging Face Token…'],
    'distillery.setEndpointKey': ['lab-at-work.journey.ts', 'Set Key of a Server…'],
  },
};

describe('the inventory', () => {
  for (const [kind, names] of Object.entries(contributed) as [Kind, string[]][]) {
    const clicked = inJourneys[kind] ?? {};

    it(`has each ${kind} carried out`, () => {
      assert(names.length > 0);
      assert.deepEqual(
        names.filter((name) => !exercised[kind].has(name) && !(name in clicked)),
        [],
      );
    });

    for (const [name, [journey, words]] of Object.entries(clicked)) {
      it(`has the ${kind} ${name} clicked in ${journey}`, () => assert(read('test/journeys', journey).includes(words)));
    }
  }

  const words = JSON.parse(read('package.nls.json')) as Record<string, string>;
  const short = (command: string): string => command.replace('distillery.', '');

  /** Icons and the menu beside them are two places. */
  const placeOf = (menu: string, group = ''): string => {
    if (group.startsWith('inline')) return `${menu} inline`;
    return menu.endsWith('/title') && group.startsWith('navigation') ? `${menu} navigation` : menu;
  };
  const placed = Object.entries(contributes.menus).flatMap(([menu, entries]) =>
    entries.map(({ command, when, group }) => ({ place: placeOf(menu, group), command: short(command), when })),
  );

  it('has each entry of each menu seen somewhere', () => {
    const unseen = placed.filter(({ place, command }) => !(seen[place] as string[] | undefined)?.includes(command));
    assert.deepEqual(
      unseen.filter(({ when }) => when !== 'false'),
      [],
    );
    assert.deepEqual(
      unseen.map(({ command }) => command),
      neverInPalette,
    );
    const inPalette: string[] = [...seen.commandPalette!, ...neverInPalette];
    assert.deepEqual(
      contributed.command.filter((command) => !inPalette.includes(short(command))),
      [],
    );
  });

  it('has each place where menus are seen opened in the journey', () => {
    const journey = ['menus', 'stranger'].map((name) => read('test/journeys', `${name}.journey.ts`)).join('');
    const places = [rows, titles, editorTitles, editorMenus, explorerMenus].flatMap((offers) => Object.keys(offers));
    assert.deepEqual(
      places.filter((place) => !journey.includes(`'${place}'`) && !journey.includes(`.${place}`)),
      [],
    );
  });

  it('has the words of each empty view seen, and a link of it followed', () => {
    const said = contributes.viewsWelcome.map(({ contents }) => contents.replaceAll('%', ''));
    assert.deepEqual(said, Object.keys(welcomes));
    const journey = ['welcome', 'stranger'].map((name) => read(`test/journeys/${name}.journey.ts`)).join('\n');
    for (const [name, links] of Object.entries(welcomes)) {
      assert.deepEqual(
        [...words[name]!.matchAll(/\[([^\]]*)\]\(command:/g)].map(([, link]) => link),
        links,
      );
      assert(journey.includes(`'${name}'`), name);
    }
  });

  it('has each key pressed', () => {
    const bound = contributes.keybindings.map(({ command, key }) => [key, short(command)]);
    assert.deepEqual(
      bound,
      Object.entries(keys).map(([key, { command }]) => [key, command]),
    );
    for (const { journey, pressed } of Object.values(keys)) assert(read('test/journeys', journey).includes(pressed));
  });

  it('has the rows of each view read', () => {
    const journeys = ['experiments', 'menus'].map((name) => read('test/journeys', `${name}.journey.ts`)).join('');
    for (const { name } of Object.values(contributes.views).flat()) {
      assert(journeys.includes(`rows('${words[name.replaceAll('%', '')]}')`), name);
    }
  });

  it('has no snippets of the manifest to try: parts of an experiment come as completions', () => {
    assert.equal(contributes.snippets, undefined);
  });
});
