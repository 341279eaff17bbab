/** @file Commands of ours, and waiting for what they bring about. */

import { setTimeout as delay } from 'node:timers/promises';
import { commands } from 'vscode';
import type { CommandId } from '../../src/extension/commands/command-ids';

export const execute = <T = unknown>(id: CommandId, ...given: unknown[]): Thenable<T> =>
  commands.executeCommand<T>(id, ...given);

/** Asks again until there is an answer. */
export async function until<T>(
  what: string,
  ask: () => T | undefined | PromiseLike<T | undefined>,
  seconds = 60,
): Promise<T> {
  const end = Date.now() + 1000 * seconds;
  while (Date.now() < end) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    await delay(100);
  }
  throw new Error(`Waited ${seconds} s in vain: ${what}`);
}
