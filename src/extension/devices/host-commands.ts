/** @file Add, check and remove hosts of the Devices view. */

import { l10n } from 'vscode';
import { inLabel } from '../../protocol/escapes';
import { hostPattern } from '../../protocol/torchrun';
import { inform } from '../base/messages';
import { pick } from '../base/pick';
import { requireTrust } from '../base/require-trust';
import { describeHost, factWords, showMissing } from '../runs/host-words';
import { askHostName } from '../runs/choose-host';
import type { Hosts } from '../runs/hosts';

/** Lists a host in the person's settings, and asks it what it has. @param given its name, where it is known */
export async function addHost(hosts: Hosts, given: unknown): Promise<void> {
  requireTrust();
  const name = hostGiven(given) ?? (await askHostName(hosts));
  if (name === undefined) return;
  await hosts.list(name);
  await tellCheck(hosts, name);
}

export async function checkHost(hosts: Hosts, given: unknown): Promise<void> {
  requireTrust();
  const name = hostGiven(given) ?? (await pickKnown(hosts, l10n.t('Host to ask what it has')));
  if (name !== undefined) await tellCheck(hosts, name);
}

export async function removeHost(hosts: Hosts, given: unknown): Promise<void> {
  requireTrust();
  const name = hostGiven(given) ?? (await pickKnown(hosts, l10n.t('Host to remove')));
  if (name !== undefined) await hosts.remove(name);
}

async function tellCheck(hosts: Hosts, name: string): Promise<void> {
  const record = await hosts.check(name);
  // Neither holds the command up: they may stand for a long time.
  if (record.problems.length > 0) void showMissing(record, () => tellCheck(hosts, name));
  else void inform(l10n.t('{0} is ready: {1}.', name, factWords(record.found!).join(', ')));
}

async function pickKnown(hosts: Hosts, placeHolder: string): Promise<string | undefined> {
  await hosts.ready();
  const { known } = hosts;
  if (known.length === 0) {
    const add = l10n.t('Add Host…');
    if ((await inform(l10n.t('No host is known yet.'), add)) === add) await addHost(hosts, undefined);
    return undefined;
  }
  const choices = known.map(({ name, record }) => ({
    label: name,
    description: inLabel(describeHost(record)),
    value: name,
  }));
  return pick(choices, placeHolder);
}

/** A row of the Devices view, or a name. What ssh could take for something else is none. */
function hostGiven(given: unknown): string | undefined {
  const name: unknown = typeof given === 'object' && given !== null && 'host' in given ? given.host : given;
  return typeof name === 'string' && hostPattern.test(name) ? name : undefined;
}
