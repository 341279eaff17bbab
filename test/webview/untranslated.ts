/** @file Finds texts that are not translated, by a language in which every translated one stands in ⟦brackets⟧. */

export function pseudoTranslated(texts: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, `⟦${text}⟧`]));
}

/** The same in every language: signs and units, names of splits, fields, files, controls and processors. */
const international =
  /^(KL|BERT|GPT|MB|kB|ms|ln|CSV|SVG|PNG|test|validation|distillation|temperature|jsonl|no-distillation|AMD EPYC|Intel|Xeon|Processor|CPU|cores|threads?)$/;

/** Words outside of all brackets, each with the text that it stands in. */
export function leftOver(texts: readonly string[]): string[] {
  const all = texts.flatMap((text) =>
    untranslated(text)
      .filter((words) => !international.test(words))
      .map((words) => `${words} < ${text.slice(0, 120)}`),
  );
  return [...new Set(all)];
}

function untranslated(text: string): string[] {
  let rest = text;
  for (let before = ''; before !== rest;) {
    before = rest;
    rest = rest.replace(/⟦[^⟦⟧]*⟧/g, ' ');
  }
  return rest.match(/\p{L}{2,}(?:[ '-]\p{L}+)*/gu) ?? [];
}

interface Node {
  nodeType: number;
  localName: string;
  textContent: string;
  shadowRoot: Node | null;
  childNodes: Iterable<Node>;
  getAttribute: (name: string) => string | null;
}

/** Runs in the page: the text of each element that stands as a block, and attributes that are shown or read out; not what is data. */
export function readTexts(body: Node): string[] {
  const blocks = new Set(
    'p h1 h2 th td dt dd li button label option caption figure div section header text svg'.split(' '),
  );
  const found: string[] = [];
  const read = (node: Node): string => {
    if (node.nodeType === 3) return node.textContent;
    if (node.nodeType !== 1 && node.nodeType !== 11) return '';
    if (node.nodeType === 1) {
      if (['style', 'script'].includes(node.localName) || node.getAttribute('translate') === 'no') return '';
      for (const name of ['title', 'aria-label', 'aria-valuetext', 'placeholder']) {
        const value = node.getAttribute(name);
        if (value) found.push(value);
      }
    }
    const inner = [...(node.shadowRoot?.childNodes ?? []), ...node.childNodes].map(read).join('');
    if (node.nodeType !== 1 || !(blocks.has(node.localName) || node.localName.includes('-'))) return inner;
    if (inner.trim() !== '') found.push(inner.replace(/\s+/g, ' ').trim());
    return ' ';
  };
  found.push(read(body));
  return found;
}
