/** @file Nothing runs in a workspace that is not trusted, by whatever way it is asked for. */

import { l10n, workspace } from 'vscode';

export function requireTrust(): void {
  if (!workspace.isTrusted)
    throw new Error(l10n.t('This needs a trusted workspace. Grant trust by "Workspaces: Manage Workspace Trust".'));
}
