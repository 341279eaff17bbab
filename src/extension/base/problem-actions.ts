/** @file What can be done about a problem, as buttons below its words. */

import { commands, l10n, Uri, window } from 'vscode';
import path from 'node:path';
import { inLabel } from '../../protocol/escapes';
import { libraryTitle } from '../../protocol/libraries';
import type { Action, ActionName } from '../../protocol/problems/templates';
import { hostPattern } from '../../protocol/torchrun';
import { interpreterOf } from './host-settings';
import { showError } from './messages';
import { typeInTerminal } from './terminal';
import type { CommandId } from './command-ids';

export interface Button {
  title: string;
  press: () => Thenable<unknown>;
}

const installs: Readonly<Record<string, CommandId>> = {
  openvino: 'distillery.installOpenVino',
  tensorflow: 'distillery.installTensorFlow',
  'tensorflow-gpu': 'distillery.installTensorFlowGpu',
};

/** One for each action that is a click away. */
export function buttonsOf(actions: readonly Action[] = []): Button[] {
  return actions.flatMap((action) => {
    const [[name, subject]] = Object.entries(action) as [[ActionName, string | null]];
    return buttonOf(name, subject) ?? [];
  });
}

function buttonOf(name: ActionName, subject: string | null): Button | undefined {
  const execute = (id: string, ...given: unknown[]) => commands.executeCommand(id, ...given);
  // A path of another folder than the editor's would lead nowhere.
  const file = subject !== null && path.isAbsolute(subject) ? Uri.file(subject) : undefined;
  switch (name) {
    case 'install': {
      const command = installs[subject ?? ''];
      if (command === undefined) return undefined;
      return { title: l10n.t('Install {0}', libraryTitle(subject!)), press: () => execute(command) };
    }
    case 'fetch':
      return { title: fetchTitle(subject ?? ''), press: () => execute('distillery.fetchModel', subject) };
    case 'token':
      return { title: l10n.t('Set Hugging Face Token…'), press: () => execute('distillery.setHubToken') };
    case 'key':
      return { title: l10n.t('Set Key of a Server…'), press: () => execute('distillery.setEndpointKey', subject) };
    case 'remove':
      return { title: l10n.t('Remove Library'), press: () => execute('distillery.removeLibrary', subject) };
    case 'resume':
      return { title: l10n.t('Resume Run'), press: () => execute('distillery.resumeRun', subject) };
    case 'takeOver':
      // The command asks first.
      return { title: l10n.t('Take Over Run'), press: () => execute('distillery.resumeRun', subject) };
    case 'connect':
      // What a run's folder holds may be a stranger's: it is typed, for the person to read, and nothing that a shell would take for more.
      if (!isHost(subject)) return undefined;
      return { title: l10n.t('Connect to {0}', subject), press: () => typed(`ssh ${subject}`) };
    case 'installTorch':
      if (!isHost(subject)) return undefined;
      return { title: l10n.t('Install PyTorch There…'), press: () => typed(installThere(subject)) };
    case 'run':
      return { title: l10n.t('Run Experiment'), press: () => execute('distillery.runExperiment', file) };
    case 'sweep':
      return { title: l10n.t('Sweep Experiment'), press: () => execute('distillery.sweepExperiment', file) };
    case 'devices':
      return { title: l10n.t('Show Devices'), press: () => execute('distillery.devices.focus') };
    case 'open':
      return (
        file && { title: l10n.t('Open {0}', path.basename(file.fsPath)), press: () => window.showTextDocument(file) }
      );
    case 'wheel':
    case 'cache':
      return undefined;
  }
}

const isHost = (subject: string | null): subject is string => subject !== null && hostPattern.test(subject);

function typed(command: string): Promise<void> {
  typeInTerminal(command);
  return Promise.resolve();
}

function installThere(host: string): string {
  const named = interpreterOf(host) ?? 'python3';
  const python = /^[\w./~-]+$/.test(named) ? named : 'python3';
  return `ssh ${host} ${python} -m pip install --upgrade torch safetensors`;
}

/** Of what fetches a model, by its id or its name; what it asks first is behind the dots. */
export const fetchTitle = (model: string): string => l10n.t('Fetch {0}…', model);

/** Shows an error with buttons; what is pressed is done. */
export async function showWithButtons(words: string, buttons: readonly Button[]): Promise<void> {
  const chosen = await showError(words, ...buttons.map(({ title }) => inLabel(title)));
  await buttons.find(({ title }) => inLabel(title) === chosen)?.press();
}
