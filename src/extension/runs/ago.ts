/** @file How long ago something was. */

import { l10n } from 'vscode';
import { formatSpan } from '../../protocol/format';

export function ago(seconds: number): string {
  return seconds < 60 ? l10n.t('just now') : l10n.t('{0} ago', formatSpan(seconds));
}
