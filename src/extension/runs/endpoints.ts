/**
 * @file Servers that stand in for a teacher: nothing is sent to one before the person has agreed to its address, once, and its key lies in the
 * editor's secret storage. The runner is told of both by its environment, and asks no other server.
 */

import { l10n, window, type Memento, type SecretStorage } from 'vscode';
import type { EndpointSpec, TeacherSpec } from '../../experiment/file/blocks/teacher';
import { ENDPOINTS_VARIABLE } from '../../protocol/runner';
import { ask } from '../base/messages';

/** Addresses that the person has agreed to. */
const AGREED = 'distillery.endpoints';

const keyOf = (origin: string): string => `distillery.endpointKey:${origin}`;

export class Endpoints {
  constructor(
    private readonly secrets: SecretStorage,
    private readonly state: Memento,
  ) {}

  /**
   * For the process of a run. Where its teacher is behind a server that the person has not agreed to yet, they are asked.
   * @param teacher undefined where the experiment cannot be read, which the run will say
   * @returns undefined where they do not agree
   */
  async environment(teacher: TeacherSpec | undefined): Promise<NodeJS.ProcessEnv | undefined> {
    if (teacher?.source !== 'endpoint') return { [ENDPOINTS_VARIABLE]: '{}' };
    if (!(await this.isAgreed(teacher))) return undefined;
    const { origin } = new URL(teacher.url);
    const key = await this.secrets.get(keyOf(origin));
    return { [ENDPOINTS_VARIABLE]: JSON.stringify({ [origin]: key === undefined ? {} : { key } }) };
  }

  /**
   * Asks for the key of a server and keeps it; an empty one is forgotten.
   * @param given its address, where that is known
   */
  async setKey(given: unknown): Promise<void> {
    const address = typeof given === 'string' ? given : await this.chooseAddress();
    if (address === undefined) return;
    const { origin, host } = new URL(address);
    const key = await window.showInputBox({
      title: l10n.t('Key of {0}', host),
      prompt: l10n.t('It is kept in the secret storage of the editor, and sent to {0} alone. Empty: none.', origin),
      password: true,
      ignoreFocusOut: true,
    });
    if (key === undefined) return;
    if (key.trim() === '') await this.secrets.delete(keyOf(origin));
    else await this.secrets.store(keyOf(origin), key.trim());
  }

  private chooseAddress(): Thenable<string | undefined> {
    return window.showInputBox({
      title: l10n.t("Address of the teacher's server"),
      prompt: l10n.t('As "url" of an experiment has it.'),
      value: this.agreed.at(-1) ?? '',
      ignoreFocusOut: true,
      validateInput: (text) =>
        URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)
          ? undefined
          : l10n.t('Write it as http://host:port or https://host.'),
    });
  }

  private get agreed(): readonly string[] {
    return this.state.get<string[]>(AGREED) ?? [];
  }

  private async isAgreed({ url, model }: EndpointSpec): Promise<boolean> {
    if (this.agreed.includes(url)) return true;
    const send = l10n.t('Send');
    const detail = [
      l10n.t(
        'Its teacher is the model {0} at {1}. The texts of its dataset are sent there, and requests may cost.',
        model,
        url,
      ),
      l10n.t('You are asked once for this address.'),
    ].join(' ');
    if ((await ask(l10n.t('Send texts to {0}?', new URL(url).host), detail, send)) !== send) return false;
    await this.state.update(AGREED, [...this.agreed, url]);
    return true;
  }
}
