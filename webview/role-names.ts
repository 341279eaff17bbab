/** @file What the models are called within a sentence. */

import * as l10n from '@vscode/l10n';
import type { Role } from '../src/protocol/records';

export const roleNames: Readonly<Record<Role, string>> = {
  teacher: l10n.t('teacher'),
  student: l10n.t('student'),
  control: l10n.t('control'),
};
