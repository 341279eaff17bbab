/** @file What a person or an agent does in the editor, and waiting for what it brings about. */

import { setTimeout as delay } from 'node:timers/promises';
import {
  commands,
  LanguageModelTextPart,
  lm,
  TabInputWebview,
  window,
  workspace,
  type CodeLens,
  type TextDocument,
} from 'vscode';
import type { CommandId } from '../../src/extension/base/command-ids';
import type { ToolName } from '../../src/extension/tools/tool-names';
import { recorded } from './exercised';

export const execute = <T = unknown>(id: CommandId, ...given: unknown[]): Promise<T> =>
  recorded('command', id, () => commands.executeCommand<T>(id, ...given));

/** Runs a command that asks, and takes, with the focus elsewhere, the answer that its list begins with. */
export function executeAndAcceptFromAfar(id: CommandId, ...given: unknown[]): Promise<unknown> {
  return accepting(execute(id, ...given), async () => {
    // Where the question is there already, the focus goes from it.
    await commands.executeCommand('workbench.action.focusSideBar');
    await commands.executeCommand('workbench.action.focusActiveEditorGroup');
  });
}

/** Runs a command that asks, and takes the answer that its list begins with. */
export function executeAndAccept(id: CommandId, ...given: unknown[]): Promise<unknown> {
  return accepting(execute(id, ...given));
}

export function lensesOf({ uri }: TextDocument): Thenable<CodeLens[]> {
  return commands.executeCommand<CodeLens[]>('vscode.executeCodeLensProvider', uri, 100);
}

/** Waits for a lens with these words. */
export function lensWith(document: TextDocument, words: RegExp): Promise<CodeLens> {
  return until(`a lens like ${String(words)}`, async () =>
    (await lensesOf(document)).find(({ command }) => words.test(command!.title)),
  );
}

/** What a click on a lens does; where it asks, the answer is what its list begins with. */
export async function click({ command }: CodeLens): Promise<void> {
  const { command: id, arguments: given = [] } = command!;
  await accepting(recorded('lens', id, () => execute(id as CommandId, ...(given as unknown[]))));
}

/** The extension host is not told when a list is open: the editor's command, which does nothing where none is, is given again. */
async function accepting<T>(work: Promise<T>, before?: () => Promise<void>): Promise<T> {
  const over = work.then(() => true);
  while (!(await Promise.race([over, delay(100, false)]))) {
    await before?.();
    await commands.executeCommand('workbench.action.acceptSelectedQuickOpenItem');
  }
  return work;
}

/** Brings a view of the sidebar to the front. */
export function showView(id: string): Thenable<unknown> {
  return commands.executeCommand(`${id}.focus`);
}

/** Calls a tool as an agent does. @returns what the model is told */
export async function callTool(name: ToolName, input: object): Promise<string> {
  const call = (): Thenable<{ content: unknown[] }> => lm.invokeTool(name, { input, toolInvocationToken: undefined });
  const { content } = await recorded('tool', name, call);
  return content.map((part) => (part instanceof LanguageModelTextPart ? part.value : '')).join('');
}

/** Undefined for what the manifest says. */
export function configure(name: string, value: unknown): Promise<void> {
  return recorded('setting', `distillery.${name}`, () =>
    workspace.getConfiguration('distillery').update(name, value, true),
  );
}

/** The title of the Lab, if it is open. */
function labTitle(): string | undefined {
  const tabs = window.tabGroups.all.flatMap((group) => group.tabs);
  return tabs.find(({ input }) => input instanceof TabInputWebview && input.viewType.endsWith('distillery.lab'))?.label;
}

export function untilLab(title: string): Promise<true> {
  return until(title, () => (labTitle() === title ? true : undefined));
}

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
