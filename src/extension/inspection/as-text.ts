/** @file Text of a dataset within Markdown: shown as it is, never taken for markup. */

/** Every sign that Markdown or HTML could take for its own becomes an entity, line breaks and tabs become visible. */
export function asText(text: string): string {
  return text
    .replace(/[ \n\r\t]/g, (space) => visible[space]!)
    .replace(/[!-/:-@[-`{-~]/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

const visible: Record<string, string> = { ' ': '·', '\n': '⏎', '\r': '', '\t': '⇥' };
