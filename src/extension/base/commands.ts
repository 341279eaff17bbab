/** @file Connects each command with what it does. */

import { commands, Disposable, type LogOutputChannel } from 'vscode';
import type { CommandId } from './command-ids';
import { guarded } from './report';

/** What a command does; `given` is what the caller or the clicked item passed, `more` for a row all selected ones. */
export type CommandHandlers = Record<CommandId, (given: unknown, more: unknown) => unknown>;

export function registerCommands(log: LogOutputChannel, handlers: CommandHandlers): Disposable {
  const registered = Object.entries(handlers).map(([id, handle]) =>
    commands.registerCommand(id, (given: unknown, more: unknown) => guarded(log, () => handle(given, more))),
  );
  return Disposable.from(...registered);
}

/** Runs one of our own commands. */
export function execute(id: CommandId, ...given: unknown[]): Thenable<unknown> {
  return commands.executeCommand(id, ...given);
}
