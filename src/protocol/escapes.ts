/**
 * @file Texts of files, which may be a stranger's, within what a person reads: one function for each kind of place, so that they are
 * shown as they are and never taken for markup, commands of a terminal, or lines of our own.
 */

/** Control characters, and those that turn the direction of what follows: a terminal obeys the first, an eye the second. */

const commanding = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

const written = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

/**
 * For a terminal or a log: what commands it is written out, as `\u001b` for ESC. Line breaks and tabs stay, since our own texts have
 * them; also of JSON the result means the same.
 */
export function inTerminal(text: string): string {
  return text.replace(/\r\n/g, '\n').replace(commanding, written);
}

/** On one line. */
export function inOneLine(text: string): string {
  return inTerminal(text.replace(/\s+/g, ' ').trim());
}

/** Characters, as many as the editor shows of a message. */
const LONGEST_LABEL = 1000;

/**
 * For a row, a menu, a button or a message of the editor, which take `$(name)` for an icon and `[words](command:…)` for a link: an
 * invisible space keeps their signs apart.
 */
export function inLabel(text: string): string {
  const line = inOneLine(text).replace(/\$\(/g, '$\u200b(').replace(/\]\(/g, ']\u200b(');
  return line.length > LONGEST_LABEL ? `${line.slice(0, LONGEST_LABEL - 1)}…` : line;
}

/**
 * For Markdown, a heading, a table's cell or a hover: one line, every sign that has a meaning there escaped. None has between a
 * number's digits (`5.16`, `3:12`) or two words (`no-distillation`), so that a report can be read as it is, too.
 */
export function inMarkdown(text: string): string {
  return inOneLine(text)
    .replace(/[\\`*_{}[\]()#+!|~$@=^]|[.:](?!\d)|(?<!\w)-|-(?!\w)/g, '\\$&')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;');
}

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;' };

/** For content and attributes of XML, as in an SVG. What XML 1.0 cannot hold is written out, or left out where it is no character. */
export function inXml(text: string): string {
  return inTerminal(text)
    .replace(/[\ufffe\uffff]/g, '')
    .replace(/[&<>"']/g, (sign) => entities[sign]!);
}
