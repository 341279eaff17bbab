/** @file The form of a catalogue of problems: words with named places, from which TypeScript derives each problem's arguments. */

/** What a reader can do at a click, or by one command: its name, and what it is about (null where that is left to the reader). */
export type Action = { [Name in ActionName]: Record<Name, string | null> }[ActionName];

/** `install` and `remove` name a library or an installed model, `wheel` one that is to be taken from a file, `fetch` a model by its id or name, `key` a server by its address, `resume` and `takeOver` a run, `connect` and `installTorch` a host by the name that ssh knows, `run`, `sweep` and `open` a file. */
export const actionNames = [
  'install',
  'remove',
  'wheel',
  'fetch',
  'token',
  'key',
  'devices',
  'cache',
  'resume',
  'takeOver',
  'connect',
  'installTorch',
  'run',
  'sweep',
  'open',
] as const;
export type ActionName = (typeof actionNames)[number];

/** A part of a sentence with words of its own, which an edge translates as it does the sentence. */
export interface Phrase {
  phrase: string;
  arguments: Arguments;
}

export type Argument =
  string | number | boolean | null | Phrase | readonly Argument[] | Readonly<Record<string, never>>;
export type Arguments = Readonly<Record<string, Argument>>;

/**
 * A sentence with places for arguments, `{name}` or `{name:format}`, and for what an edge calls an action. Of several, the first
 * is said whose arguments are all given: those that the last one has not are optional.
 */
export type Template = string | readonly string[];

export interface Entry {
  /** What is wrong, one sentence without the place. */
  message: Template;
  /** What to do, one sentence in the imperative; left out where nothing can be said. */
  remedy?: Template;
  /** What each is about: a text with places for arguments. */
  actions?: Partial<Record<ActionName, string | null>>;
}

/** How an argument is written, and so what it may be. */
interface Formats {
  /** As it stands. */
  plain: string | number | Phrase;
  /** As JSON writes it, so that a text is in quotes. */
  json: string | number | boolean | null;
  /** As JSON, on one line, with spaces. */
  inline: Argument;
  /** As `json` but short: what kind it is for a list or an object. */
  value: Argument;
  /** `12,345`. */
  count: number;
  /** Bytes as `1.5 GB`. */
  bytes: number;
  gigabytes: number;
  mebibytes: number;
  /** Texts in quotes: `"a", "b"`. */
  list: readonly (string | number)[];
  /** `"a", "b" and "c"` */
  and: readonly Argument[];
  /** `"a", "b" or "c"` */
  or: readonly Argument[];
  /** Numbers or phrases: `a or b or c`. */
  either: readonly (number | Phrase)[];
  /** Texts without quotes: `a, b`. */
  names: readonly (string | number)[];
  /** Texts without quotes: `a or b`. */
  oneof: readonly string[];
  /** Texts without quotes: `a and b`. */
  both: readonly string[];
}

/** What stands between braces; braces that are part of a sentence (`{ … }`, `{"source": …}`) have spaces or quotes in them. */
type Inner<T extends string> = T extends `${string}{${infer I}}${infer Rest}`
  ? (I extends `${string}${' ' | '"'}${string}` ? never : I) | Inner<Rest>
  : never;

type NameOf<I extends string> = I extends `${infer Name}:${string}` ? Name : I;
type FormatOf<I extends string> = I extends `${string}:${infer Format}` ? Format : 'plain';
type ValueOf<I extends string> = FormatOf<I> extends keyof Formats ? Formats[FormatOf<I>] : never;

type All<T> = T extends string ? T : T extends readonly string[] ? T[number] : never;
type Last<T> = T extends string ? T : T extends readonly [...unknown[], infer L extends string] ? L : never;

type TextsOf<E> = E extends { message: infer M } ? M | (E extends { remedy: infer R } ? R : never) : E;
type ActionsOf<E> = E extends { actions: infer A } ? Extract<keyof A, string> : never;
type ActionTexts<E> = E extends { actions: infer A } ? A[keyof A] : never;

type Needed<E> = Exclude<Inner<Last<TextsOf<E>> | Last<ActionTexts<E>>>, NamesAction<E>>;
type Known<E> = Exclude<Inner<All<TextsOf<E>> | All<ActionTexts<E>>>, NamesAction<E>>;
type NamesAction<E> = ActionsOf<E> | `${ActionsOf<E>}:quoted`;

/** The arguments of an entry, or of a phrase's template. */
export type ArgumentsOf<E> = Known<E> extends never ? Record<string, never> : NamedArguments<E>;

type NamedArguments<E> = { [I in Needed<E> as NameOf<I>]: ValueOf<I> } & {
  [I in Exclude<Known<E>, Needed<E>> as NameOf<I>]?: ValueOf<I> | undefined;
};
