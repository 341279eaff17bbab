/** @file The document in which the Lab's page runs. */

import { randomBytes } from 'node:crypto';
import { env, l10n, Uri, type Webview } from 'vscode';

/** The only folder that the page may load from. */
export function pageRoot(extensionUri: Uri): Uri {
  return Uri.joinPath(extensionUri, 'dist');
}

/**
 * Nothing but our own script runs, and it reaches nothing outside. Styles need the nonce too, which the toolkit reads from
 * the meta element. Pictures may be `data:` and `blob:` alone, to save charts.
 */
export function labPage(webview: Webview, extensionUri: Uri): string {
  const nonce = randomBytes(18).toString('base64');
  const script = webview.asWebviewUri(Uri.joinPath(pageRoot(extensionUri), 'webview.js'));
  const policy = [
    `default-src 'none'`,
    `script-src 'nonce-${nonce}'`,
    `style-src 'nonce-${nonce}'`,
    `img-src data: blob:`,
  ].join('; ');
  return `<!doctype html>
<html lang="${env.language}">
  <head>
    <meta charset="utf-8">
    <meta http-equiv="Content-Security-Policy" content="${policy}">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta property="csp-nonce" content="${nonce}">
    <title>Distillery Lab</title>
  </head>
  <body>
    ${translations()}<script nonce="${nonce}" src="${script.toString()}"></script>
  </body>
</html>
`;
}

/** The texts in the editor's language, as data that the page reads before it draws; nothing where that is English. */
function translations(): string {
  if (!l10n.bundle) return '';
  const texts = JSON.stringify(l10n.bundle).replaceAll('<', '\\u003c');
  return `<script type="application/json" id="l10n">${texts}</script>\n    `;
}
