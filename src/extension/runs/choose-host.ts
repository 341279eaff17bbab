/** @file Asks the person for a host: the only way in which one comes to be used. */

import { l10n, window } from 'vscode';
import { hostPattern } from '../../protocol/torchrun';
import { pick } from '../base/pick';
import { describeHost } from './host-words';
import { type Hosts, suggestedHosts } from './hosts';

const OTHER = '';

/** One that is not known yet: those that ssh knows are offered, and any other can be typed. */
export async function askHostName(hosts: Hosts): Promise<string | undefined> {
  const suggested = (await suggestedHosts()).filter((name) => !hosts.has(name));
  if (suggested.length === 0) return typeHostName();
  const choices = [
    ...suggested.map((name) => ({ label: name, description: l10n.t('in your ssh configuration'), value: name })),
    { label: l10n.t('Another host…'), description: '', value: OTHER },
  ];
  const chosen = await pick(choices, l10n.t('Host to train on, over ssh'));
  return chosen === OTHER ? typeHostName() : chosen;
}

/** One of the known, of those that ssh knows, or any other. */
export async function chooseHostName(hosts: Hosts): Promise<string | undefined> {
  if (hosts.known.length === 0) return askHostName(hosts);
  const choices = [
    ...hosts.known.map(({ name, record }) => ({ label: name, description: describeHost(record), value: name })),
    { label: l10n.t('Another host…'), description: '', value: OTHER },
  ];
  const chosen = await pick(choices, l10n.t('Host from which jobs of Slurm are submitted'));
  return chosen === OTHER ? askHostName(hosts) : chosen;
}

/** Of those that are known. */
export async function chooseHostsTogether(hosts: Hosts): Promise<string[] | undefined> {
  const choices = hosts.known.map(({ name, record }) => ({ label: name, description: describeHost(record) }));
  const placeHolder = l10n.t('Hosts that train together');
  const chosen = await window.showQuickPick(choices, { placeHolder, canPickMany: true, matchOnDescription: true });
  return chosen && chosen.length > 0 ? chosen.map(({ label }) => label) : undefined;
}

export async function typeHostName(): Promise<string | undefined> {
  const name = await window.showInputBox({
    title: l10n.t('Host to train on, over ssh'),
    prompt: l10n.t('A name that your ssh knows, or USER@NAME. Ports, keys and jumps belong in ~/.ssh/config.'),
    placeHolder: 'gpu1',
    ignoreFocusOut: true,
    validateInput: (text) =>
      hostPattern.test(text.trim())
        ? undefined
        : l10n.t('Write NAME or USER@NAME, of letters, numbers, points and dashes.'),
  });
  return name?.trim();
}
