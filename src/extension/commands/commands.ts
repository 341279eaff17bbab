/** @file Connects each command with what it does. */

import { commands, Disposable, type LogOutputChannel } from 'vscode';
import type { CommandId } from './command-ids';
import { guarded } from './report';

/** What a command does; `given` is what the caller or the clicked item passed, `more` for a row all selected ones. */
export type CommandHandlers = Record<CommandId, (given: unknown, more: unknown) => unknown>;

let all: Partial<CommandHandlers> = {};

export function registerCommands(log: LogOutputChannel, handlers: CommandHandlers): Disposable {
  all = handlers;
  const registered = Object.entries(handlers).map(([id, handle]) =>
    commands.registerCommand(id, (given: unknown, more: unknown) => guarded(log, () => handle(given, more))),
  );
  return Disposable.from(...registered);
}

/** Runs one of our own commands. */
export function execute(id: CommandId, ...given: unknown[]): Thenable<unknown> {
  return commands.executeCommand(id, ...given);
}

/** Runs one of our own commands for a caller that shows what went wrong by itself: rejects where `execute` would tell. */
export async function attempt(id: CommandId, ...given: [given?: unknown, more?: unknown]): Promise<void> {
  await all[id]?.(given[0], given[1]);
}
