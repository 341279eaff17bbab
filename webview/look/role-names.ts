/** @file What the models are called. */

import * as l10n from '@vscode/l10n';
import type { Role } from '../../src/protocol/records';

/** Within a sentence. */
export const roleNames: Readonly<Record<Role, string>> = {
  teacher: l10n.t('teacher'),
  student: l10n.t('student'),
  control: l10n.t('control'),
};

/** A control within a sentence or beside a line: by its name too, where there are several. */
export const controlTitle = (name: string, isOneOfSeveral: boolean): string =>
  isOneOfSeveral ? `${roleNames.control}, ${name.replaceAll('-', ' ')}` : roleNames.control;

/** At the beginning of one, and alone. */
export const roleTitles: Readonly<Record<Role, string>> = {
  teacher: l10n.t('Teacher'),
  student: l10n.t('Student'),
  control: l10n.t('Control'),
};
