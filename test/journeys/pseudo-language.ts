/** @file The extension in a language that nobody speaks: every text that can be translated stands in ⟦brackets⟧. */

import { cpSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pseudoTranslated } from '../webview/untranslated';

/** By which pseudo-translations are known. */
export const pseudoLanguage = 'qps-ploc';

type Texts = Record<string, string>;

/** A copy of the extension as it is built, with its texts in the pseudo-language. */
export function translatedExtension(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'pseudo-'));
  for (const name of ['package.json', 'package.nls.json', 'media', 'dist']) {
    cpSync(name, path.join(folder, name), { recursive: true });
  }
  for (const name of ['node_modules', 'examples']) symlinkSync(path.resolve(name), path.join(folder, name));
  mkdirSync(path.join(folder, 'l10n'));
  translate('package.nls.json', path.join(folder, `package.nls.${pseudoLanguage}.json`));
  translate('l10n/bundle.l10n.json', path.join(folder, `l10n/bundle.l10n.${pseudoLanguage}.json`));
  return folder;
}

function translate(from: string, to: string): void {
  const texts = JSON.parse(readFileSync(from, 'utf8')) as Texts;
  writeFileSync(to, JSON.stringify(pseudoTranslated(texts)));
}
