/** @file What runs are called where several are seen together: by their names, or by what was set differently. Pure. */

import { absent, formatSetting } from '../../src/protocol/format';
import { shortName } from '../base/setting-names';
import type { RunState } from '../state/state';

/** Of what differs no more than this is said. */
const most = 3;

/**
 * Runs of one experiment bear its name: they are told apart by what differs between them (`T 4 · α .5`), T and α first, with the
 * name before it where another has a different one, and by when they began where nothing else does.
 */
export function runTitles(runs: readonly RunState[]): ReadonlyMap<string, string> {
  return new Map(runs.map((run) => [run.id, titleOf(run, runs)]));
}

function titleOf(run: RunState, runs: readonly RunState[]): string {
  const { name } = run.record;
  const namesakes = runs.filter(({ record }) => record.name === name);
  if (namesakes.length === 1) return name;
  const paths = [...new Set(namesakes.flatMap(({ settings }) => Object.keys(settings)))]
    .filter((path) => new Set(namesakes.map(({ settings }) => settings[path])).size > 1)
    .sort((a, b) => rankOf(a) - rankOf(b) || a.localeCompare(b))
    .slice(0, most);
  const wordsOf = ({ settings }: RunState): string =>
    paths.map((path) => `${shortName(path)} ${valueOf(settings[path])}`).join(' · ');
  const words = wordsOf(run);
  const isAlone = words !== '' && namesakes.every((other) => other === run || wordsOf(other) !== words);
  const began = isAlone ? [] : [new Date(run.record.started).toLocaleString()];
  const ofName = namesakes.length < runs.length ? [name] : [];
  return [...ofName, words, ...began].filter((part) => part !== '').join(' · ');
}

/** A letter of its own is what people speak of. */
const rankOf = (path: string): number => (shortName(path).length === 1 ? 0 : 1);

function valueOf(value: string | undefined): string {
  if (value === undefined) return absent;
  return value.trim() !== '' && Number.isFinite(Number(value)) ? formatSetting(Number(value)) : value;
}
