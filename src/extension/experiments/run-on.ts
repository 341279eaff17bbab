/** @file Run Experiment on…: this machine, a host over ssh, a cluster. What is missing there is said before anything begins or is sent. */

import {
  commands,
  l10n,
  ProgressLocation,
  QuickPickItemKind,
  Uri,
  window,
  workspace,
  type QuickPickItem,
} from 'vscode';
import { access, constants } from 'node:fs/promises';
import path from 'node:path';
import { inLabel } from '../../protocol/escapes';
import { experimentFormat } from '../../protocol/export-formats';
import { formatBytes } from '../../protocol/format';
import type { DeviceRecord } from '../../protocol/machine-records';
import { hostNames, torchrunEngine, type Scheduler } from '../../protocol/torchrun';
import { ask, inform } from '../base/messages';
import { errorOf } from '../base/failure';
import { typeInTerminal } from '../base/terminal';
import { chooseHostName, chooseHostsTogether, typeHostName } from '../runs/choose-host';
import { describeHost, factWords, showMissing } from '../runs/host-words';
import { type Hosts, suggestedHosts } from '../runs/hosts';
import type { RunCommandParts } from '../runs/run-commands';

export interface RunOnParts extends RunCommandParts {
  /** What can compute on this machine; asked when it is first wanted. */
  devices: () => Promise<readonly DeviceRecord[]>;
}

/** Where a run goes, as options of the command line. */
export type RunOptions = ['--on', string] | ['--engine', string] | ['--slurm'] | ['--on', string, '--slurm'] | [];

type Destination =
  /** Without an engine: as the file says. */
  | { kind: 'here'; engine?: string }
  /** Without a name, which is then to be typed. */
  | { kind: 'host'; name?: string }
  /** Several of those that are known, together. */
  | { kind: 'hosts' }
  /** A job that is submitted from this machine, or from a host that is asked for, and followed. */
  | { kind: 'job'; from: 'here' | 'host' }
  | { kind: 'cluster'; scheduler: Scheduler };

interface DestinationItem extends QuickPickItem {
  destination?: Destination;
}

export interface DestinationQuestion {
  /** Begins anew, for after what was missing is there. */
  again: (host: string) => Thenable<unknown>;
  /** A host that is chosen already. */
  given?: string | undefined;
  /** Whether it is about all runs of a sweep, which are not written out. */
  sweeps: boolean;
}

/**
 * Asks where an experiment is to be trained, and makes sure of it. Undefined where the person chooses nothing, where something is missing, and
 * where the experiment was written out for a cluster.
 */
export async function chooseDestination(
  parts: RunOnParts,
  experiment: Uri,
  { again, given, sweeps }: DestinationQuestion,
): Promise<RunOptions | undefined> {
  const destination: Destination | undefined =
    given === undefined ? await pickDestination(parts, sweeps) : { kind: 'host', name: given };
  if (destination?.kind === 'cluster') await writeForCluster(parts, experiment, destination.scheduler);
  if (destination?.kind === 'job') {
    if (destination.from === 'here') return ['--slurm'];
    const login = await chooseHostName(parts.hosts);
    return login !== undefined && (await isWanted(parts.hosts, login, again)) ? ['--on', login, '--slurm'] : undefined;
  }
  if (destination?.kind === 'here') return destination.engine === undefined ? [] : ['--engine', destination.engine];
  if (destination?.kind !== 'host' && destination?.kind !== 'hosts') return undefined;
  const host =
    destination.kind === 'hosts'
      ? (await chooseHostsTogether(parts.hosts))?.join(',')
      : (destination.name ?? (await typeHostName()));
  if (host === undefined || !(await isWanted(parts.hosts, host, again))) return undefined;
  return ['--on', host];
}

/** What can be seen at once stands first and does not move: engines come when they have been asked. */
async function pickDestination({ hosts, devices, log }: RunOnParts, sweeps: boolean): Promise<Destination | undefined> {
  await hosts.ready().catch((error: unknown) => log.error(String(error)));
  const suggested = (await suggestedHosts()).filter((name) => !hosts.has(name));
  const separator = (label: string): DestinationItem => ({ label, kind: QuickPickItemKind.Separator });
  const submitsHere = await isHere('sbatch');
  const first: DestinationItem[] = [
    {
      label: `$(device-desktop) ${l10n.t('This machine')}`,
      description: l10n.t('as the file says'),
      destination: { kind: 'here' },
    },
    separator(l10n.t('Hosts, over ssh')),
    ...hosts.known.map(({ name, record }) => ({
      label: `$(vm) ${name}`,
      description: inLabel(describeHost(record)),
      destination: { kind: 'host', name } as const,
    })),
    ...suggested.map((name) => ({
      label: `$(vm-outline) ${name}`,
      description: l10n.t('in your ssh configuration'),
      destination: { kind: 'host', name } as const,
    })),
    { label: `$(add) ${l10n.t('Another host…')}`, destination: { kind: 'host' } },
    ...(hosts.known.length > 1
      ? [
          {
            label: `$(vm) ${l10n.t('Several hosts…')}`,
            description: l10n.t('which train together'),
            destination: { kind: 'hosts' } as const,
          },
        ]
      : []),
    separator(l10n.t('Clusters')),
    ...(submitsHere
      ? [
          {
            label: `$(server-process) ${l10n.t('Slurm')}`,
            description: l10n.t('a job that is submitted here, and followed'),
            destination: { kind: 'job', from: 'here' } as const,
          },
        ]
      : []),
    {
      label: `$(server-process) ${l10n.t('Slurm, from a host…')}`,
      description: l10n.t('a job that is submitted there over ssh, and followed'),
      destination: { kind: 'job', from: 'host' },
    },
    ...(sweeps ? [] : clusterItems()),
    separator(l10n.t('Engines of this machine')),
    {
      label: `$(circuit-board) ${torchrunEngine}`,
      description: l10n.t('PyTorch of this machine, several processes or GPUs'),
      destination: { kind: 'here', engine: torchrunEngine },
    },
  ];
  const picker = window.createQuickPick<DestinationItem>();
  Object.assign(picker, { items: first, placeholder: l10n.t('Where to train'), matchOnDescription: true, busy: true });
  const asked = devices()
    .then((found) => {
      const engines = found.filter(({ available }) => available).map(engineItem);
      const [active] = picker.activeItems;
      picker.keepScrollPosition = true;
      picker.items = [...first, ...engines];
      if (active) picker.activeItems = [active];
    })
    .catch((error: unknown) => log.error(String(error)))
    .finally(() => (picker.busy = false));
  void asked;
  const chosen = await new Promise<DestinationItem | undefined>((resolve) => {
    picker.onDidAccept(() => {
      resolve(picker.selectedItems[0]);
      picker.hide();
    });
    picker.onDidHide(() => resolve(undefined));
    picker.show();
  });
  // What is told of the devices afterwards is of no use to one that is gone, and does it no harm.
  void asked.finally(() => picker.dispose());
  return chosen?.destination;
}

/** Folders that are written here and submitted by the person. */
const clusterItems = (): DestinationItem[] => [
  {
    label: '$(server-process) Slurm…',
    description: l10n.t('a folder with slurm.sh, for sbatch'),
    destination: { kind: 'cluster', scheduler: 'slurm' },
  },
  {
    label: '$(server-environment) Kubernetes…',
    description: l10n.t('a folder with a PyTorchJob, for kubectl'),
    destination: { kind: 'cluster', scheduler: 'kubernetes' },
  },
];

function engineItem({ engine, name, memoryBytes, device }: DeviceRecord): DestinationItem {
  const parts = [name, memoryBytes !== undefined && formatBytes(memoryBytes)];
  return {
    label: `$(${device === 'gpu' ? 'circuit-board' : 'server'}) ${engine}`,
    description: inLabel(parts.filter((part) => typeof part === 'string').join(' · ')),
    destination: { kind: 'here', engine },
  };
}

/** Says what a host has, or each of several with commas between them, and asks; or says what is missing. */
async function isWanted(hosts: Hosts, named: string, again: (host: string) => Thenable<unknown>): Promise<boolean> {
  const names = hostNames(named);
  const facts: string[] = [];
  for (const name of names) {
    const record = await hosts.check(name, names[0]);
    if (record.problems.length > 0) {
      // The message may stand for a long time.
      void showMissing(record, () => again(named));
      return false;
    }
    facts.push(`${names.length > 1 ? `${name}: ` : ''}${factWords(record.found!).join(', ')}.`);
  }
  const train = l10n.t('Train There');
  const detail = [
    facts.join('\n'),
    l10n.t(
      'Its rows as tokens, first weights and teacher are sent there, into ~/.cache/distillery, and removed when the run is done. The training goes on there while there is no connection.',
    ),
  ].join('\n\n');
  return (await ask(l10n.t('Train on {0}?', names.join(', ')), detail, train)) === train;
}

/** The file that starts it in the folder, and the command of the person's that reads it. */
const starts: Record<Scheduler, { file: string; program: string; command: string }> = {
  slurm: { file: 'slurm.sh', program: 'sbatch', command: 'sbatch slurm.sh' },
  kubernetes: { file: 'pytorchjob.json', program: 'kubectl', command: 'kubectl apply -f pytorchjob.json' },
};

/** Writes everything that the experiment needs into a folder, where the person says. Submitting it is theirs. */
async function writeForCluster(parts: RunOnParts, experiment: Uri, where: Scheduler): Promise<void> {
  const name = path.basename(experiment.fsPath).replace(/\.distill\.json$/, '');
  const picked = await window.showOpenDialog({
    canSelectFiles: false,
    canSelectFolders: true,
    openLabel: l10n.t('Write Here'),
    title:
      where === 'slurm'
        ? l10n.t('Folder on a file system that all hosts of the cluster share')
        : l10n.t('Folder to write to; it is copied into the volume of the claim'),
  });
  if (!picked?.[0]) return;
  const folder = Uri.joinPath(picked[0], `${name}-${where}`);
  const options = {
    location: ProgressLocation.Notification,
    title: l10n.t('Writing {0} …', inLabel(`${name}-${where}`)),
  };
  const args = ['export', experiment.fsPath, '--format', experimentFormat, '--where', where, '--to', folder.fsPath];
  const cwd = path.dirname(experiment.fsPath);
  const { failure, code, lines, document } = await window.withProgress(
    options,
    () => parts.startRunner(args, { cwd }).ended,
  );
  if (failure) throw errorOf(failure);
  if (code !== 0) throw new Error(lines.at(-1) ?? l10n.t('The export ended without saying why.'));
  const { notes = [] } = (document ?? {}) as { notes?: string[] };
  // The offer may stand for a long time.
  void offerStart(folder, where, notes);
}

async function offerStart(folder: Uri, where: Scheduler, notes: readonly string[]): Promise<void> {
  const { file, program, command } = starts[where];
  const script = Uri.joinPath(folder, file);
  const open = l10n.t('Open {0}', file);
  const type = l10n.t('Type {0} in a Terminal', program);
  const reveal = l10n.t('Reveal');
  const buttons = (await isHere(program)) ? [open, type, reveal] : [open, reveal];
  const words = [l10n.t('{0} has all that is needed.', path.basename(folder.fsPath)), ...notes].join(' ');
  const chosen = await inform(words, ...buttons);
  if (chosen === open) await window.showTextDocument(script);
  if (chosen === type) typeInTerminal(command, folder.fsPath);
  const isOpen = workspace.getWorkspaceFolder(folder) !== undefined;
  if (chosen === reveal) await commands.executeCommand(isOpen ? 'revealInExplorer' : 'revealFileInOS', script);
}

/** Whether a program is on this machine's PATH; it is not started. */
async function isHere(program: string): Promise<boolean> {
  const folders = (process.env.PATH ?? '').split(path.delimiter).filter((folder) => path.isAbsolute(folder));
  const found = folders.map((folder) =>
    access(path.join(folder, program), constants.X_OK).then(
      () => true,
      () => false,
    ),
  );
  return (await Promise.all(found)).includes(true);
}
