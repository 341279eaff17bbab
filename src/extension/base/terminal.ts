/** @file Terminals with a command that is typed there, and not begun: that is the person's to do. */

import { window } from 'vscode';
import { requireTrust } from './require-trust';

/** @param command one line */
export function typeInTerminal(command: string, cwd?: string): void {
  requireTrust();
  const terminal = window.createTerminal({ name: 'Distillery', ...(cwd !== undefined && { cwd }) });
  terminal.show();
  terminal.sendText(command.replace(/[\r\n]+/g, ' '), false);
}
