/** @file What is wrong, or how the run ended early; what there is stays in view below. */

import * as l10n from '@vscode/l10n';
import { html, type TemplateResult } from 'lit';
import { formatCount } from '../../src/protocol/format';
import type { RunErrorRecord, RunRecord } from '../../src/protocol/records';
import { icon, type IconName } from '../look/icons';
import type { LabState } from '../state/state';
import { TellEvent } from '../tell';
import { roleNames } from '../look/role-names';

export function notices({ problem, shown, trusted }: LabState): TemplateResult[] {
  const all: TemplateResult[] = [];
  const record = shown?.run.record;
  if (record?.error) all.push(notice('error', 'error', record.error, failedActions(trusted)));
  else if (record?.status === 'stopped') all.push(stopped(record, trusted));
  if (problem) all.push(notice('warning', 'warning', problem));
  if (!trusted) {
    const words = {
      message: l10n.t('This folder is not trusted:'),
      remedy: l10n.t('everything can be looked at, nothing can be run.'),
    };
    all.push(notice('', 'warning', words));
  }
  return all;
}

function notice(kind: string, symbol: IconName, words: RunErrorRecord, action?: TemplateResult): TemplateResult {
  return html`<div class="notice ${kind}" role=${kind === '' ? 'note' : 'alert'}>
    ${icon(symbol)}
    <div><span class="strong">${words.message}</span> ${words.remedy ?? ''} ${action}</div>
  </div>`;
}

function stopped({ progress }: RunRecord, trusted: boolean): TemplateResult {
  const message = progress
    ? l10n.t(
        'Stopped at step {0} of {1} ({2}).',
        formatCount(progress.step),
        formatCount(progress.steps),
        roleNames[progress.role],
      )
    : l10n.t('Stopped.');
  const words = {
    message,
    remedy: l10n.t('Curves end where the run ended; it can be resumed from its last checkpoint.'),
  };
  return notice('', 'circle-slash', words, trusted ? resume() : undefined);
}

function failedActions(trusted: boolean): TemplateResult {
  const log = action(l10n.t('Show Log'), 'showLog');
  return trusted ? html`${resume()} <span class="muted">·</span> ${log}` : log;
}

const resume = (): TemplateResult => action(l10n.t('Resume'), 'resume');

function action(title: string, type: 'resume' | 'showLog'): TemplateResult {
  return html`<button
    class="link"
    @click=${(event: Event) => event.currentTarget?.dispatchEvent(new TellEvent({ type }))}
  >
    ${title}
  </button>`;
}
