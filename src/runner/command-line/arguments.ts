/** @file Arguments of verbs, from text to what they mean; a wrong one ends the program with what would be right. */

import { InvalidArgumentError, Option } from 'commander';
import { deviceNamed } from '../../distill/planning/devices';
import { engineNames } from '../../protocol/engines';
import { parseHubId, type HubId } from '../../protocol/hub-id';
import { deviceNames, devicesOf } from '../../protocol/torchrun';
import type { PlanOptions } from '../commands/plan';

export function positive(value: string): number {
  const number = Number(value);
  if (!(number > 0) || !Number.isFinite(number)) throw new InvalidArgumentError('Give a number above 0.');
  return number;
}

export function wholeNumber(value: string): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number) || number < 1) throw new InvalidArgumentError('Give a whole number from 1 on.');
  return number;
}

/** Numbers with commas between them. */
export const numbers =
  (least: number, most: number) =>
  (value: string): number[] => {
    const all = value.split(',').map(Number);
    if (value.trim() === '' || !all.every((number) => number >= least && number <= most && Number.isFinite(number))) {
      throw new InvalidArgumentError('Give numbers with commas between them.');
    }
    return all;
  };

export const counts =
  (least: number) =>
  (value: string): number[] => {
    const all = numbers(least, Number.MAX_SAFE_INTEGER)(value);
    if (!all.every(Number.isSafeInteger))
      throw new InvalidArgumentError('Give whole numbers with commas between them.');
    return all;
  };

/** A count with k, M, B (or G) or T after it: `300B`. */
export function largeCount(value: string): number {
  const [, digits, unit = ''] = /^(\d+(?:\.\d+)?)([kMBGT]?)$/.exec(value) ?? [];
  const number = Math.round(Number(digits) * { '': 1, k: 1e3, M: 1e6, B: 1e9, G: 1e9, T: 1e12 }[unit]!);
  if (!Number.isSafeInteger(number) || number < 1)
    throw new InvalidArgumentError('Give a count such as 500M, 300B or 1T.');
  return number;
}

/** A count of devices and which: `8xH100`. */
export function devicesNamed(value: string): PlanOptions['devices'] {
  const named = devicesOf(value);
  if (named === undefined)
    throw new InvalidArgumentError(`Give devices such as 8xH100; known are ${deviceNames.join(', ')}.`);
  return { count: named.count, device: deviceNamed(named.name)! };
}

export function hubId(value: string): HubId {
  const id = parseHubId(value);
  if (id === undefined)
    throw new InvalidArgumentError(
      'Give an id of Hugging Face: "org/name", "org/name@revision" or "org/name/FILE.gguf".',
    );
  return id;
}

export function tokenIds(value: string): number[] {
  const ids = value
    .split(/[\s,]+/)
    .filter((part) => part !== '')
    .map(Number);
  if (ids.length === 0 || !ids.every((id) => Number.isSafeInteger(id) && id >= 0)) {
    throw new InvalidArgumentError('Give whole numbers with commas between them.');
  }
  return ids;
}

/** For verbs that only ask a model: what is quickest to open is best. */
export const engineOption = (): Option =>
  new Option('--engine <name>', 'what computes; auto is cpu here').choices(['auto', ...engineNames]).default('auto');
