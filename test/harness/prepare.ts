/** @file Installs what the tests in an editor need, before suites that run side by side would do so at once. */

import { ensureEditor } from './setup';

if (!process.env.DISTILLERY_VSCODE) ensureEditor(process.cwd());
