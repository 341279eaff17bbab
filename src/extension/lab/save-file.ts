/** @file Keeps what the page drew, a chart or its numbers, where the person says. */

import { l10n, Uri, window, workspace } from 'vscode';
import path from 'node:path';

const kinds: Record<string, string> = { csv: 'CSV', svg: 'SVG', png: 'PNG' };

/** @param name the file that is proposed; its ending says what it is */
export async function saveFile(folder: string, name: string, content: string | Uint8Array): Promise<void> {
  // The page proposes a name, not a place.
  const proposed = path.basename(name).replace(/[^\p{L}\p{N}._ -]+/gu, '-');
  const ending = path.extname(proposed).slice(1);
  const file = await window.showSaveDialog({
    defaultUri: Uri.file(path.join(folder, proposed)),
    filters: { [kinds[ending] ?? l10n.t('File')]: [ending] },
  });
  if (!file) return;
  await workspace.fs.writeFile(file, typeof content === 'string' ? new TextEncoder().encode(content) : content);
}
