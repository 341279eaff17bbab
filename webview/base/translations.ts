/** @file The texts of the page in the editor's language; read before anything else, for modules take their words as they load. */

import * as l10n from '@vscode/l10n';

// Absent where the editor speaks English.
const bundle = document.getElementById('l10n')?.textContent;
if (bundle) l10n.config({ contents: bundle });
