/** @file The ways into the Lab for the rest of the extension: a call, and a link for hovers and lenses. */

import { Uri } from 'vscode';
import type { LabLocation } from '../../protocol/panel';
import type { CommandId } from './command-ids';
import { execute } from './commands';

const command: CommandId = 'distillery.openLab';

/** Second argument of the command: the run was clicked in a list, which keeps the focus for its keys and menus. */
export const fromList = 'list';

/** Opens the Lab on a run, and there on the tab, row and token that are named. */
export function openLab(location: LabLocation): Thenable<unknown> {
  return execute(command, location);
}

/** The same as a link. A MarkdownString that holds it must trust `distillery.openLab`. */
export function labLink(location: LabLocation): Uri {
  return Uri.parse(`command:${command}?${encodeURIComponent(JSON.stringify([location]))}`);
}
