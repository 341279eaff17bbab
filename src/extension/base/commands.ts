/** @file Connects each command with what it does. */

import { commands, Disposable, type LogOutputChannel } from 'vscode';
import type { CommandId, Subject } from './command-ids';
import { guarded } from './report';

/** What a command does; `given` is what the caller or the clicked item passed, `more` for a row all selected ones. */
type CommandHandler = (given: unknown, more: unknown) => unknown;

/** Each command as `attempt` runs it. */
const attempts = new Map<string, (given: unknown, more: unknown) => Promise<void>>();

/** Of one subject, all: `registerCommands<'runs'>(log, { … })`. */
export function registerCommands<S extends Subject>(
  log: LogOutputChannel,
  handlers: Record<CommandId<S>, CommandHandler>,
): Disposable {
  const registered = Object.entries<CommandHandler>(handlers).map(([id, handle]) => {
    attempts.set(id, async (given, more) => {
      try {
        await handle(given, more);
      } catch (error) {
        log.error(error instanceof Error ? error : String(error));
        throw error;
      }
    });
    return commands.registerCommand(id, (given: unknown, more: unknown) => guarded(log, () => handle(given, more)));
  });
  return Disposable.from(...registered);
}

/** Runs one of our own commands. */
export function execute(id: CommandId, ...given: unknown[]): Thenable<unknown> {
  return commands.executeCommand(id, ...given);
}

/** As `execute`, for a caller that shows by itself what went wrong: rejects, and says it in the log alone. */
export async function attempt(id: CommandId, given?: unknown, more?: unknown): Promise<void> {
  await attempts.get(id)?.(given, more);
}
