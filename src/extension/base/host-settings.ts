/** @file What the person has set about hosts for trainings over ssh. Both settings are of the machine: no file of a workspace names a host. */

import { ConfigurationTarget, workspace } from 'vscode';
import { hostPattern } from '../../protocol/torchrun';

const settings = () => workspace.getConfiguration('distillery');

/** Names that ssh could take for something else are none. */
export function listedHosts(): string[] {
  const names: unknown = settings().get('hosts');
  const listed = Array.isArray(names) ? names.filter((name) => typeof name === 'string' && hostPattern.test(name)) : [];
  return [...new Set(listed as string[])];
}

export function listHosts(names: readonly string[]): Thenable<void> {
  return settings().update('hosts', names.length > 0 ? names : undefined, ConfigurationTarget.Global);
}

/** The interpreter of a host, where the person has named one. */
export function interpreterOf(host: string): string | undefined {
  const all: unknown = settings().get('hostInterpreters');
  if (typeof all !== 'object' || all === null || !Object.hasOwn(all, host)) return undefined;
  const named = (all as Record<string, unknown>)[host];
  return typeof named === 'string' && named.trim() !== '' ? named : undefined;
}
