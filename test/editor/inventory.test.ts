/** @file Everything that the manifest contributes has been carried out in a real editor, or is named here. Runs last. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'mocha';
import { commandIds } from '../../src/extension/commands/command-ids';
import { exercised, type Kind } from './exercised';
import { root } from './tiny-run';

const read = (...file: string[]): string => readFileSync(path.join(root, ...file), 'utf8');

const { contributes } = JSON.parse(read('package.json')) as {
  contributes: {
    commands: { command: string }[];
    views: Record<string, { id: string }[]>;
    languageModelTools: { name: string }[];
    configuration: { properties: Record<string, unknown> };
  };
};

const lensSources = ['language/code-lenses.ts', 'inspection/row-lenses.ts'].map((file) => read('src/extension', file));

const contributed: Record<Kind, string[]> = {
  command: contributes.commands.map(({ command }) => command),
  view: Object.values(contributes.views).flatMap((views) => views.map(({ id }) => id)),
  tool: contributes.languageModelTools.map(({ name }) => name),
  lens: commandIds.filter((id) => lensSources.some((source) => source.includes(`'${id}'`))),
  setting: Object.keys(contributes.configuration.properties),
};

/** What cannot be done without a person's click is done in a journey: its file, and the words that are clicked there. */
const inJourneys: Partial<Record<Kind, Record<string, [journey: string, words: string]>>> = {
  command: {
    'distillery.showMoreRuns': ['experiments.journey.ts', '2953 more runs'],
    'distillery.measureDevices': ['devices.journey.ts', 'Measure Devices'],
    'distillery.emptyTrash': ['experiments.journey.ts', 'Empty Trash'],
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
});
