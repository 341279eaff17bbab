/** @file Reads the SpamAssassin corpus: raw RFC 822 messages to subject and plain-text body. */

import { convert } from 'html-to-text';
import { readdir, readFile } from 'node:fs/promises';
import PostalMime from 'postal-mime';

/** Folders of the package in the order in which a repeated mail keeps its first copy. */
const FOLDERS = {
  'easy-ham-1': 'ham',
  'easy-ham-2': 'ham',
  'hard-ham-1': 'ham',
  'spam-1': 'spam',
  'spam-2': 'spam',
};

/** What a mail that is only HTML should read like: its words, without link targets and pictures. */
const HTML_AS_TEXT = {
  wordwrap: false,
  selectors: [
    { selector: 'a', options: { ignoreHref: true } },
    ...['img', 'head', 'style', 'script', 'hr', 'select'].map((selector) => ({ selector, format: 'skip' })),
    ...['h1', 'h2', 'h3', 'h4', 'h5', 'h6'].map((selector) => ({ selector, options: { uppercase: false } })),
  ],
};

/** Mislabelled HTML in a text/plain part. */
const LOOKS_LIKE_HTML = /^\s*<(!doctype|html|head|body|table|font|center|p|div|img|a|br)\b[^]*<\/\w+>/i;

/**
 * @param {string} directory the package's data folder
 * @returns {Promise<{ id: string, label: 'ham' | 'spam', subject: string, body: string }[]>}
 */
export async function readMails(directory) {
  const mails = [];
  for (const [folder, label] of Object.entries(FOLDERS)) {
    const names = (await readdir(`${directory}/${folder}`)).filter((name) => name.endsWith('.txt')).sort();
    for (const name of names) {
      const message = await parseMessage(await readFile(`${directory}/${folder}/${name}`));
      mails.push({ id: `${folder}/${name}`, label, subject: message.subject ?? '', body: bodyOf(message) });
    }
  }
  return mails;
}

async function parseMessage(file) {
  // An mbox separator line may precede the headers.
  const bytes = file.subarray(0, 5).toString('latin1') === 'From ' ? file.subarray(file.indexOf(10) + 1) : file;
  const message = await PostalMime.parse(bytes);
  if (!`${message.subject}${message.text}${message.html}`.includes('\ufffd')) return message;
  // Eight-bit text of no declared charset is taken as UTF-8; in 2002 it was mostly windows-1252.
  return PostalMime.parse(new TextEncoder().encode(new TextDecoder('windows-1252').decode(bytes)));
}

function bodyOf(message) {
  const plain = message.text?.trim() ?? '';
  if (LOOKS_LIKE_HTML.test(plain)) return convert(plain, HTML_AS_TEXT);
  return plain === '' ? convert(message.html ?? '', HTML_AS_TEXT) : plain;
}
