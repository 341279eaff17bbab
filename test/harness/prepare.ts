/** @file Installs what the tests in an editor need, before suites that run side by side would do so at once. */

import { ensureWheel } from './kept-wheel';
import { ensureEditor } from './setup';

if (!process.env.DISTILLERY_VSCODE) ensureEditor(process.cwd());
ensureWheel();
