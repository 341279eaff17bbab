/** @file Run and open: the commands about one experiment file. */

import { l10n, Uri, window, workspace } from 'vscode';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { readExperimentFile } from '../../experiment/file/parse';
import { runsDirectory } from '../../run-directory/run-paths';
import { experimentSuffix, isExperiment } from '../base/documents';
import { fileChoices, pick, pickFile } from '../base/pick';
import { studyKinds, type StudyKind } from '../../protocol/records';
import { ask } from '../base/messages';
import { requireTrust } from '../base/require-trust';
import { execute } from '../base/commands';
import { openLab } from '../base/open-lab';
import { hostPattern } from '../../protocol/torchrun';
import { runId } from '../runs/choose-run';
import { showStarted, type RunCommandParts } from '../runs/run-commands';
import type { RunList } from '../runs/run-list';
import { studyQuestion } from '../runs/run-words';
import { chooseDestination, type RunOnParts, type RunOptions } from './run-on';

type Verb = ['run' | 'sweep', ...RunOptions] | ['study', StudyKind];

/** @param chooseVerb `sweep` tries each value of the experiment's "sweep", one run each; undefined where the person chooses nothing */
export async function runExperiment(
  parts: RunCommandParts,
  given: unknown,
  chooseVerb: (experiment: Uri) => Verb | undefined | Promise<Verb | undefined> = () => ['run'],
): Promise<void> {
  requireTrust();
  const chosen = await chooseExperiment(parts.runs, given);
  const experiment = chosen && (await saved(chosen));
  const verb = experiment && (await chooseVerb(experiment));
  if (!verb) return;
  // A sweep or a study may have runs already.
  if (verb[0] !== 'run') await parts.runs.ready();
  // What cannot be read the run will tell of.
  const parsed = await readExperimentFile(experiment.fsPath).catch(() => undefined);
  const agreed = await parts.endpoints.environment(parsed?.experiment?.teacher);
  if (!agreed) return;
  const env = verb[1] === '--on' ? { ...agreed, ...parts.hosts.environment(verb[2]) } : agreed;
  const cwd = workspace.getWorkspaceFolder(experiment)?.uri.fsPath ?? path.dirname(experiment.fsPath);
  parts.log.info(`distillery ${verb.join(' ')} ${experiment.fsPath}`);
  const directory = runsDirectory(experiment.fsPath);
  const before = await foldersOf(directory);
  const known = parts.runs.runs.filter(({ record, origin }) => record.sweep && origin?.file === experiment.fsPath);
  // A sweep or a study goes on with a run that was stopped.
  const resumable = known.filter(({ record }) => record.status !== 'done').map(({ paths }) => paths.directory);
  const candidates = async (): Promise<string[]> => {
    const added = (await foldersOf(directory)).filter((folder) => !before.includes(folder));
    return verb[0] === 'run' ? added : [...added, ...resumable];
  };
  const study = verb[0] === 'study' ? verb[1] : undefined;
  const answered = known.find(({ record }) => study !== undefined && record.sweep!.study === study);
  const runner = parts.startRunner([...verb, experiment.fsPath], { cwd, env });
  await showStarted(parts, {
    runner,
    cwd,
    what: path.basename(experiment.fsPath),
    candidates,
    ...(answered && { showDone: () => openLab({ run: answered.paths.id, tab: 'compare' }) }),
  });
}

/** What is asked of Run Experiment on… beside a file. */
interface RunOnArguments {
  /** That is to be gone to, which the person has named already. */
  host?: string;
  /** Whether all runs of the file's sweep go there. */
  sweeps?: boolean;
}

/** Run Experiment on…, Sweep on…: asks where. @param given what it is asked about, and `wish` a PlaceWish, by whoever calls the command */
export function runExperimentOn(parts: RunOnParts, given: unknown, wish: unknown): Promise<void> {
  const { host, sweeps } = (typeof wish === 'object' && wish !== null ? wish : {}) as Record<
    keyof RunOnArguments,
    unknown
  >;
  const named = typeof host === 'string' && hostPattern.test(host) ? host : undefined;
  return runExperiment(parts, given, async (experiment) => {
    const again = (name: string): Thenable<unknown> =>
      execute('distillery.runExperimentOn', experiment, {
        host: name,
        sweeps: sweeps === true,
      } satisfies RunOnArguments);
    const options = await chooseDestination(parts, experiment, { again, given: named, sweeps: sweeps === true });
    return options && [sweeps === true ? 'sweep' : 'run', ...options];
  });
}

/** The question that the person picks. */
export async function chooseStudy(): Promise<Verb | undefined> {
  const details: Record<StudyKind, string> = {
    labels: l10n.t('A run for each number of labels (50, 100, 200, …) and of unlabelled texts'),
    families: l10n.t('Two runs: a student of each, in the same sizes, and its control'),
    temperature: l10n.t('Twelve runs: a map of four temperatures by three α, the best chosen on validation'),
  };
  const choices = studyKinds.map((kind) => ({ label: studyQuestion(kind), detail: details[kind], value: kind }));
  const kind = await pick(choices, l10n.t('Question to answer by several runs'));
  return kind && ['study', kind];
}

/** Sweep temperature, asked first, for it is many runs. */
export async function confirmTemperatures(): Promise<Verb | undefined> {
  const run = l10n.t('Run Them');
  const question = l10n.t('Train twelve students, four temperatures by three α?');
  const detail = l10n.t(
    'Each is a run of its own; they share the teacher and its answers. The Lab then shows which T and α did best.',
  );
  return (await ask(question, detail, run)) === run ? ['study', 'temperature'] : undefined;
}

/** What runs is what is on the disk. Undefined where the person does not save a file that has no name yet. */
async function saved(experiment: Uri): Promise<Uri | undefined> {
  const open = workspace.textDocuments.find((document) => document.uri.toString() === experiment.toString());
  return open?.isDirty ? workspace.save(open.uri) : experiment;
}

async function foldersOf(directory: string): Promise<string[]> {
  const names = await readdir(directory).catch((): string[] => []);
  return names.map((name) => path.join(directory, name));
}

/** The experiment file of a row or a run. */
export async function openExperiment(runs: RunList, given: unknown): Promise<void> {
  await runs.ready();
  const file = await chooseExperiment(runs, given);
  if (file) await window.showTextDocument(file);
}

/** The experiment file that was clicked, or is in the active editor, else the one that the person picks. */
async function chooseExperiment(runs: RunList, given: unknown): Promise<Uri | undefined> {
  const named = experimentOf(runs, given);
  if (named) return named;
  const active = window.activeTextEditor?.document.uri;
  if (active && isExperiment({ uri: active })) return active;
  const found = await workspace.findFiles(`**/*${experimentSuffix}`, '**/node_modules/**');
  if (found.length === 0) throw new Error(l10n.t('There is no experiment file (NAME.distill.json) in this workspace.'));
  return pickFile(fileChoices(found), l10n.t('Experiment to run'));
}

/** The experiment file of a row of the view, of a run, or of an editor. */
function experimentOf(runs: RunList, given: unknown): Uri | undefined {
  if (given instanceof Uri) return given;
  const id = runId(given);
  const file = id === undefined ? (given as { file?: unknown } | undefined)?.file : runs.find(id)?.origin?.file;
  return typeof file === 'string' ? Uri.file(file) : undefined;
}
