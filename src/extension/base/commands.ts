/** @file Connects each command with what it does. */

import { commands, Disposable, type LogOutputChannel } from 'vscode';
import type { CommandId, Subject } from './command-ids';
import { guarded } from './report';

/** What a command does; `given` is what the caller or the clicked item passed, `more` for a row all selected ones. */
type CommandHandler = (given: unknown, more: unknown) => unknown;

/** Of one subject, all: `registerCommands<'runs'>(log, { … })`. */
export function registerCommands<S extends Subject>(
  log: LogOutputChannel,
  handlers: Record<CommandId<S>, CommandHandler>,
): Disposable {
  const registered = Object.entries<CommandHandler>(handlers).map(([id, handle]) =>
    commands.registerCommand(id, (given: unknown, more: unknown) => guarded(log, () => handle(given, more))),
  );
  return Disposable.from(...registered);
}

/** Runs one of our own commands. */
export function execute(id: CommandId, ...given: unknown[]): Thenable<unknown> {
  return commands.executeCommand(id, ...given);
}
