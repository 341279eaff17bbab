/** @file How long ago something was. */

import * as l10n from '@vscode/l10n';
import { formatSpan } from '../../src/protocol/format';

export function ago(seconds: number): string {
  return seconds < 60 ? l10n.t('just now') : l10n.t('{0} ago', formatSpan(seconds));
}
