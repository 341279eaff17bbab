/** @file A request that failed, in the words of who was asked, beside what asked it. */

import * as l10n from '@vscode/l10n';
import { css, html, nothing, type TemplateResult } from 'lit';
import type { Asking } from '../base/asking';
import { icon } from './icons';

export const failedStyles = css`
  .request-failed {
    display: grid;
    grid-template-columns: 16px minmax(0, 1fr) 24px;
    gap: 8px;
    align-items: start;
    margin: 4px 0;
    padding: 4px 4px 4px 8px;
    border: 1px solid var(--vscode-inputValidation-errorBorder);
    border-radius: 2px;
    background: var(--vscode-inputValidation-errorBackground);
    color: var(--vscode-foreground);
    font-size: 12px;
    font-weight: 400;
    line-height: 20px;
    overflow-wrap: anywhere;
    text-align: left;
    white-space: normal;
  }
  .request-failed .icon {
    margin-top: 2px;
  }
  .failures {
    padding: 0 16px;
  }
  .request-failed .icon-button {
    height: 20px;
  }
`;

export function failed(asking: Asking): TemplateResult | typeof nothing {
  const { problem } = asking;
  if (!problem) return nothing;
  return html`<div class="request-failed" role="alert">
    ${icon('error')}
    <span translate="no">${problem.message} ${problem.remedy ?? ''}</span>
    <button class="icon-button" title=${l10n.t('Dismiss')} aria-label=${l10n.t('Dismiss')} @click=${asking.forget}>
      ${icon('close')}
    </button>
  </div>`;
}
