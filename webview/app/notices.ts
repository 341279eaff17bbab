/** @file What is wrong, or how the run ended early; what there is stays in view below. */

import * as l10n from '@vscode/l10n';
import { html, nothing, type TemplateResult } from 'lit';
import { formatCount } from '../../src/protocol/format';
import {
  isLive,
  isResumable,
  type AlertRecord,
  type Role,
  type RunErrorRecord,
  type RunHost,
  type RunRecord,
  type WaitingRecord,
} from '../../src/protocol/records';
import { icon, type IconName } from '../look/icons';
import type { Asking } from '../base/asking';
import { failed } from '../look/failed';
import { mark } from '../look/marks';
import type { LabState, RunState } from '../state/state';
import { roleNames } from '../look/role-names';
import { sentence } from '../base/sentence';

/** Of a run that has failed and left no word. */
const silent: RunErrorRecord = {
  message: l10n.t('This run has failed and has not said why.'),
  remedy: l10n.t('Its log may tell.'),
};

/** @param asking for what the notices offer to do */
export function notices({ problem, shown, trusted }: LabState, asking: Asking): TemplateResult[] {
  const all: TemplateResult[] = [];
  const record = shown?.run.record;
  const offer = shown && actions(shown.run, trusted, asking);
  // What of their requests fails is said once, in the first notice that offers any.
  const ended = record?.status === 'failed' || record?.status === 'stopped';
  const isOffered = ended || Boolean(record?.error) || Boolean(record?.waiting);
  if (record?.error) all.push(notice('error', 'error', record.error, offer));
  else if (record?.status === 'failed') all.push(notice('error', 'error', silent, offer));
  else if (record?.status === 'stopped') all.push(stopped(record, offer));
  if (record?.host?.lost && isLive(record.status)) all.push(lost(record.host.name, record.host.lost));
  if (record?.waiting) all.push(waits(record.waiting, shown!.run.id, trusted, asking));
  if (record?.alerts?.length) all.push(warned(record.alerts, record.status === 'done'));
  if (problem) all.push(notice('warning', 'warning', problem));
  if (!trusted) {
    const words = {
      message: l10n.t('This folder is not trusted:'),
      remedy: l10n.t('everything can be looked at, nothing can be run.'),
    };
    const manage = html`<button class="link" id="manage-trust" @click=${() => void asking.ask('manageTrust', {})}>
        ${l10n.t('Manage Workspace Trust')}
      </button>
      ${isOffered ? nothing : failed(asking)}`;
    all.push(notice('', 'warning', words, manage));
  }
  return all;
}

function notice(kind: string, symbol: IconName, words: RunErrorRecord, action?: TemplateResult): TemplateResult {
  return html`<div class="notice ${kind}" role=${kind === '' ? 'note' : 'alert'}>
    ${icon(symbol)}
    <div><bdi class="strong">${words.message}</bdi> <bdi>${words.remedy ?? ''}</bdi> ${action}</div>
  </div>`;
}

/** What the run warns of: which model, when, and what to do. One line says the latest; the rest is a click away, for the tabs need the room. */
function warned(alerts: readonly AlertRecord[], isDone: boolean): TemplateResult {
  const count = alerts.length === 1 ? l10n.t('A warning') : l10n.t('{0} warnings', formatCount(alerts.length));
  return html`<div class="notice ${isDone ? '' : 'warning'}" role="status">
    ${icon('warning')}
    <details>
      <summary>
        ${count}<span class="latest">: <span translate="no">${alerts.at(-1)!.message}</span></span>
      </summary>
      <ul>
        ${alerts.map(
          ({ role, name, seed, step, message, remedy }) =>
            html`<li>
              ${mark(role)} ${modelName(role, name)},
              ${seed === undefined ? nothing : html`${l10n.t('seed {0}', seed)},`}
              ${l10n.t('step {0}', formatCount(step))}:
              <span translate="no"><span class="strong">${message}</span> ${remedy ?? ''}</span>
            </li>`,
        )}
      </ul>
    </details>
  </div>`;
}

/** What it means that a host cannot be reached, and since when. */
function lost(host: string, { since, reason }: NonNullable<RunHost['lost']>): TemplateResult {
  const time = new Date(since).toLocaleTimeString([], { timeStyle: 'short' });
  return html`<div class="notice warning" role="status">
    ${icon('debug-disconnect')}
    <div>
      <bdi class="strong">${l10n.t('No connection to {0} since {1}.', host, time)}</bdi>
      <bdi>
        ${l10n.t('It is tried again; the training goes on there, and what is missing here comes when there is one.')}
      </bdi>
      <bdi class="muted" translate="no">${reason}</bdi>
    </div>
  </div>`;
}

/** What a queued run waits for, and how it need not. */
function waits(
  { run, isPaused, ahead, device, host }: WaitingRecord,
  id: string,
  trusted: boolean,
  asking: Asking,
): TemplateResult {
  const kind = host !== undefined ? l10n.t('host {0}', host) : device === 'gpu' ? 'GPU' : 'CPU';
  // The folder's name is the time and the run's own name.
  const name = html`<span class="strong" translate="no">${run?.replace(/^[^_]*_/, '')}</span>`;
  const words =
    run === undefined
      ? l10n.t('This run waits for the {0}.', kind)
      : isPaused
        ? sentence(
            l10n.t('{0} is paused and has the {1}: this run waits until that one goes on and ends, or is stopped.'),
            name,
            kind,
          )
        : sentence(l10n.t('This run waits for the {1}, until {0} has ended.'), name, kind);
  return html`<div class="notice ${isPaused ? 'warning' : ''}" role="status">
    ${icon('watch')}
    <div>
      ${words} ${ahead > 1 ? l10n.t('{0} are before it.', formatCount(ahead)) : nothing}
      ${
        trusted
          ? html`<button
              class="link"
              id="run-now"
              title=${l10n.t('Train beside the run that has the device: both take longer')}
              @click=${() => void asking.ask('runNow', { id })}
            >
              ${l10n.t('Run now')}
            </button>`
          : nothing
      }
      ${failed(asking)}
    </div>
  </div>`;
}

function modelName(role: Role, name: string): string {
  if (role === 'control') return l10n.t('control {0}', name.replaceAll('-', ' '));
  const member = /^teacher (\d+)$/.exec(name)?.[1];
  return member === undefined ? roleNames[role] : l10n.t('teacher {0}', member);
}

function stopped({ progress }: RunRecord, offer: TemplateResult | undefined): TemplateResult {
  const isOfSteps = progress?.phase === 'training' || progress?.phase === 'evaluating';
  const message = isOfSteps
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
  return notice('', 'circle-slash', words, offer);
}

/** Resume where that may be run and would not fail alike, the log of what has failed, and what came of asking. */
function actions({ id, record }: RunState, trusted: boolean, asking: Asking): TemplateResult {
  const action = (title: string, method: 'resume' | 'showLog'): TemplateResult =>
    html`<button class="link" @click=${() => void asking.ask(method, { id })}>${title}</button>`;
  const all = [
    ...(trusted && isResumable(record) ? [action(l10n.t('Resume'), 'resume')] : []),
    ...(record.error || record.status === 'failed' ? [action(l10n.t('Show Log'), 'showLog')] : []),
  ];
  return html`${all.map((one, i) => (i === 0 ? one : html` <span class="muted">·</span> ${one}`))} ${failed(asking)}`;
}
