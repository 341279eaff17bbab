/** @file Makes the words of a problem from its code and arguments, for one edge of the product: a terminal, the editor, a chat. */

import { formatBytes, formatCount } from '../format';
import { isModelPackage } from '../model-packages';
import { catalogue } from './catalogue';
import { phrases, type PhraseCode } from './phrases';
import {
  actionNames,
  type Action,
  type ActionName,
  type Argument,
  type Arguments,
  type Entry,
  type Phrase,
  type Template,
} from './templates';

/** How one edge says what all of them have to say. */
export interface Edge {
  /** A template in the reader's language, with its places filled. */
  fill: (template: string, values: Readonly<Record<string, string>>) => string;
  /** What one does for an action there, as a part of a sentence; `quoted` where it stands between other words. */
  action: (name: ActionName, subject: string | null, quoted: boolean) => string;
}

/** A problem apart from its words. */
export interface Told {
  code: string;
  arguments: Arguments;
  /** The file that it is about, where it is told at the place of another that names it. */
  about?: string | undefined;
  actions: readonly Action[];
}

const placeholderPattern = /\{([a-z]\w*)(?::(\w+))?\}/gi;

/** Undefined for a code that this version does not know. */
export function wordsOf(told: Told, edge: Edge): { message: string; remedy?: string } | undefined {
  const entry = Object.hasOwn(catalogue, told.code) ? (catalogue as Record<string, Entry>)[told.code]! : undefined;
  if (!entry) return undefined;
  const say = (template: Template): string => sentence(template, told.arguments, told.actions, edge);
  const message = told.about === undefined ? say(entry.message) : `${told.about}: ${say(entry.message)}`;
  return { message, ...(entry.remedy !== undefined && { remedy: say(entry.remedy) }) };
}

/** What can be done, from the arguments. */
export function actionsOf(entry: Entry, args: Arguments): Action[] {
  return actionNames.flatMap((name) => {
    const subject = entry.actions?.[name];
    if (subject === undefined) return [];
    const about = subject === null ? null : filled(subject, (place) => plain(args[place] ?? '', terminal));
    // What it would be about may not be known where the problem is found.
    return about === '' ? [] : [{ [name]: about } as unknown as Action];
  });
}

export function phraseWords({ phrase, arguments: args }: Phrase, edge: Edge): string {
  // Of another version, a phrase may be unknown here: better its code than nothing.
  const template: Template | undefined = Object.hasOwn(phrases, phrase) ? phrases[phrase as PhraseCode] : undefined;
  return template === undefined ? phrase : sentence(template, args, [], edge);
}

/** The terminal: English, and command lines for what one can do. */
export const terminal: Edge = {
  fill: (template, values) => filled(template, (name, whole) => values[name] ?? whole),
  action: (name, subject, quoted) => {
    const words = terminalActions[name](subject);
    return quoted ? `"${words}"` : words;
  },
};

const terminalActions: Record<ActionName, (subject: string | null) => string> = {
  install: (library) => `distillery ${verbOf(library)} --install ${library ?? 'LIBRARY'}`,
  remove: (library) => `distillery ${verbOf(library)} --remove ${library ?? 'LIBRARY'}`,
  wheel: () => 'give the wheel with --file',
  fetch: (model) => `distillery models --${isInstalled(model) ? 'install' : 'fetch'} ${model ?? 'ID'}`,
  token: () => 'set the environment variable HF_TOKEN',
  key: () => 'set DISTILLERY_API_KEYS to its host, "=" and the key',
  devices: () => 'distillery devices',
  cache: () => 'distillery cache',
  resume: (run) => `distillery resume ${run ?? 'RUN'}`,
  takeOver: (run) => `distillery resume ${run ?? 'RUN'} --take-over`,
  connect: (host) => `ssh ${host ?? 'HOST'}`,
  installTorch: (host) => `ssh ${host ?? 'HOST'} python3 -m pip install --upgrade torch safetensors`,
  run: (file) => (file === null ? 'distillery run FILE' : 'distillery run'),
  sweep: () => 'distillery sweep',
  open: (file) => file ?? 'FILE',
};

const isInstalled = (model: string | null): boolean => model !== null && isModelPackage(model);

const verbOf = (name: string | null): string => (isInstalled(name) ? 'models' : 'devices');

/** `replace` is given what stands between the braces, and the whole place. */
function filled(template: string, replace: (inner: string, whole: string) => string): string {
  return template.replace(placeholderPattern, (whole) => replace(whole.slice(1, -1), whole));
}

function sentence(template: Template, args: Arguments, actions: readonly Action[], edge: Edge): string {
  const templates = typeof template === 'string' ? [template] : template;
  const isGiven = (name: string): boolean => args[name] !== undefined || subjectOf(actions, name) !== undefined;
  const chosen = templates.find((one) => [...one.matchAll(placeholderPattern)].every(([, name]) => isGiven(name!)));
  const said = chosen ?? templates.at(-1)!;
  const values: Record<string, string> = {};
  for (const [whole, name, format] of said.matchAll(placeholderPattern)) {
    const inner = whole.slice(1, -1);
    const subject = subjectOf(actions, name!);
    if (subject !== undefined) values[inner] = edge.action(name as ActionName, subject, format === 'quoted');
    else if (args[name!] !== undefined) values[inner] = written(args[name!]!, format ?? 'plain', edge);
  }
  return edge.fill(said, values);
}

/** Undefined where there is no such action. */
function subjectOf(actions: readonly Action[], name: string): string | null | undefined {
  return actions
    .map((action) => (action as Partial<Record<string, string | null>>)[name])
    .find((it) => it !== undefined);
}

function written(value: Argument, format: string, edge: Edge): string {
  switch (format) {
    case 'json':
      return JSON.stringify(value);
    case 'inline':
      return inline(value);
    case 'value':
      return short(value, edge);
    case 'count':
      return formatCount(Number(value));
    case 'bytes':
      return formatBytes(Number(value));
    case 'gigabytes':
      return `${(Number(value) / 1e9).toFixed(1)} GB`;
    case 'mebibytes':
      return `${Math.ceil(Number(value) / 2 ** 20)} MiB`;
    case 'list':
      return listOf(value).map(inQuotes).join(', ');
    case 'and':
    case 'or':
      return joined(listOf(value).map(inQuotes), phraseWords({ phrase: format, arguments: {} }, edge));
    case 'either':
    case 'oneof':
      return listOf(value)
        .map((one) => plain(one, edge))
        .join(phraseWords({ phrase: 'or', arguments: {} }, edge));
    case 'both':
      return listOf(value)
        .map((one) => plain(one, edge))
        .join(phraseWords({ phrase: 'and', arguments: {} }, edge));
    case 'names':
      return listOf(value)
        .map((one) => plain(one, edge))
        .join(', ');
    default:
      return plain(value, edge);
  }
}

const isPhrase = (value: Argument): value is Phrase => typeof value === 'object' && value !== null && 'phrase' in value;

function plain(value: Argument, edge: Edge): string {
  if (isPhrase(value)) return phraseWords(value, edge);
  return typeof value === 'string' ? value : JSON.stringify(value);
}

const listOf = (value: Argument): readonly Argument[] =>
  Array.isArray(value) ? (value as readonly Argument[]) : [value];

const inQuotes = (value: Argument): string => JSON.stringify(value);

function joined(texts: readonly string[], word: string): string {
  return texts.length < 2 ? texts.join('') : `${texts.slice(0, -1).join(', ')}${word}${texts.at(-1)!}`;
}

/** A value on one line, as a person would write it. */
function inline(value: unknown): string {
  return JSON.stringify(value).replace(/([:,])(?=["\d[{])/g, '$1 ');
}

function short(value: Argument, edge: Edge): string {
  if (isPhrase(value)) return phraseWords(value, edge);
  if (Array.isArray(value)) return phraseWords({ phrase: 'a-list', arguments: {} }, edge);
  if (typeof value === 'object' && value !== null) return phraseWords({ phrase: 'an-object', arguments: {} }, edge);
  const text = typeof value === 'number' ? String(value) : JSON.stringify(value);
  return text.length > 40 ? `${text.slice(0, 38)}…"` : text;
}
