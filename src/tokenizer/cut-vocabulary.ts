/**
 * @file A tokenizer without the tokens that some texts do not use. These texts are cut into the same pieces as before; any other text is
 * cut into what is left: the single characters or bytes that everything can be made of stay.
 */

import { byteCharacters } from './byte-level';
import {
  isRecord,
  membersOf,
  type ModelJson,
  type Stage,
  type TokenizerConfig,
  type TokenizerJson,
} from './tokenizer-json';

/** Kinds whose tokens can be left out one by one. */
export const cuttableKinds: readonly string[] = ['wordpiece', 'bpe', 'unigram'];

/** A tokenizer's files after a cut, and where its tokens were. */
export interface CutTokenizer {
  json: TokenizerJson;
  config: TokenizerConfig;
  /** The earlier id of each token, ascending. */
  kept: Int32Array;
}

/**
 * Ids are counted anew, in the same order.
 * @param kind of `cuttableKinds`
 * @param used ids of the tokens that texts are made of; special tokens among them
 * @throws Error for a kind whose tokens depend on each other in another way
 */
export function cutTokenizer(
  json: TokenizerJson,
  config: TokenizerConfig,
  kind: string,
  used: Iterable<number>,
): CutTokenizer {
  const idOf = idsIn(json.model);
  const wanted = new Set(used);
  for (const { id } of json.added_tokens) wanted.add(id);
  const unknown = idOf.get(json.model.unk_token ?? '') ?? json.model.unk_id;
  if (typeof unknown === 'number') wanted.add(unknown);
  for (const id of idsOfStage(json.post_processor)) wanted.add(id);
  const keep = { wordpiece: keepCharacters, bpe: keepMerged, unigram: keepScores }[kind];
  if (!keep) throw new Error(`tokens of a ${kind} tokenizer cannot be left out`);
  keep(json.model, idOf, wanted);
  const kept = Int32Array.from(wanted).sort();
  const newId = new Map(Array.from(kept, (old, id) => [old, id]));
  const cut: TokenizerJson = {
    ...json,
    added_tokens: json.added_tokens.map((token) => ({ ...token, id: newId.get(token.id)! })),
    post_processor: json.post_processor && renumbered(json.post_processor, newId),
    model: modelOf(json.model, idOf, newId),
    ...(isRecord(json.padding) && { padding: withNewId(json.padding, 'pad_id', newId) }),
  };
  return { json: cut, config: configOf(config, newId), kept };
}

function idsIn({ vocab }: ModelJson): Map<string, number> {
  return Array.isArray(vocab) ? new Map(vocab.map(([token], id) => [token, id])) : new Map(Object.entries(vocab));
}

type Keep = (model: ModelJson, idOf: ReadonlyMap<string, number>, wanted: Set<number>) => void;

const isOneCharacter = (text: string): boolean => {
  const [first, ...more] = text;
  return first !== undefined && more.length === 0;
};

/** The longest token that fits is taken, which is still there where it was used. */
const keepCharacters: Keep = ({ continuing_subword_prefix: prefix }, idOf, wanted) => {
  for (const [token, id] of idOf) {
    if (isOneCharacter(token) || (prefix && token.startsWith(prefix) && isOneCharacter(token.slice(prefix.length)))) {
      wanted.add(id);
    }
  }
};

/**
 * Of merges those are made that come first in the list. A text comes out alike if all are there that were made for it: all that can make a
 * token that is kept, and so on down to bytes.
 */
const keepMerged: Keep = (model, idOf, wanted) => {
  const alphabet = Array.from({ length: 256 }, (_, byte) => byteCharacters[byte]!);
  const hexadecimal = (byte: number): string => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`;
  const isOfBytes = alphabet.every((one) => idOf.has(one));
  const hasFallback = model.byte_fallback === true;
  for (const [token, id] of idOf) {
    if (!isOfBytes && !hasFallback && isOneCharacter(token)) wanted.add(id);
  }
  for (let byte = 0; byte < 256; byte++) {
    const id = idOf.get(isOfBytes ? alphabet[byte]! : hexadecimal(byte));
    if (id !== undefined) wanted.add(id);
  }
  const made = new Map<number, [number, number][]>();
  for (const { parts, result } of mergesOf(model)) {
    const [left, right, whole] = [...parts, result].map((token) => idOf.get(token));
    if (left === undefined || right === undefined || whole === undefined) continue;
    made.set(whole, [...(made.get(whole) ?? []), [left, right]]);
  }
  const left = [...wanted];
  for (let id = left.pop(); id !== undefined; id = left.pop()) {
    for (const part of made.get(id)?.flat() ?? []) {
      if (wanted.has(part)) continue;
      wanted.add(part);
      left.push(part);
    }
  }
};

/**
 * The best sum of scores stays the best where others are gone. What an unknown character costs follows from the least score, and whether
 * one is unknown from whether it is a token.
 */
const keepScores: Keep = ({ vocab }, idOf, wanted) => {
  const scores = vocab as [string, number][];
  let least = 0;
  scores.forEach(([token, score], id) => {
    if (score < scores[least]![1]) least = id;
    if (isOneCharacter(token) || /^<0x[0-9A-F]{2}>$/.test(token)) wanted.add(id);
  });
  if (idOf.size > 0) wanted.add(least);
};

/** As `model.merges` has them: a text with a space, or a pair. */
function mergesOf({ merges, continuing_subword_prefix: prefix }: ModelJson) {
  return ((merges ?? []) as (string | [string, string])[]).map((merge) => {
    const space = typeof merge === 'string' ? merge.indexOf(' ', 1) : 0;
    const parts = typeof merge === 'string' ? [merge.slice(0, space), merge.slice(space + 1)] : merge;
    const [left, right] = parts as [string, string];
    const result = left + (prefix && right.startsWith(prefix) ? right.slice(prefix.length) : right);
    return { merge, parts: [left, right] as const, result };
  });
}

function modelOf(model: ModelJson, idOf: ReadonlyMap<string, number>, newId: ReadonlyMap<number, number>): ModelJson {
  if (Array.isArray(model.vocab)) {
    const vocab = model.vocab.filter((_, id) => newId.has(id));
    const { unk_id: unknown } = model;
    return { ...model, vocab, ...(typeof unknown === 'number' && { unk_id: newId.get(unknown) }) };
  }
  const vocab = Object.fromEntries(
    [...idOf].flatMap(([token, id]) => (newId.has(id) ? [[token, newId.get(id)!] as const] : [])),
  );
  if (model.merges === undefined) return { ...model, vocab };
  const isKept = (token: string): boolean => Object.hasOwn(vocab, token);
  const merges = mergesOf(model).filter(({ parts, result }) => [...parts, result].every(isKept));
  return { ...model, vocab, merges: merges.map(({ merge }) => merge) };
}

/** Ids that a post-processor puts around texts. */
function idsOfStage(stage: Stage | null): number[] {
  if (stage === null) return [];
  const named = [stage.cls, stage.sep].flatMap((pair) => (Array.isArray(pair) ? [pair[1] as number] : []));
  const special = isRecord(stage.special_tokens) ? Object.values(stage.special_tokens) : [];
  const listed = special.flatMap((token) =>
    isRecord(token) && Array.isArray(token.ids) ? (token.ids as number[]) : [],
  );
  return [...named, ...listed, ...membersOf(stage).flatMap(idsOfStage)];
}

function renumbered(stage: Stage, newId: ReadonlyMap<number, number>): Stage {
  const pair = (key: 'cls' | 'sep'): Partial<Stage> => {
    const value = stage[key];
    return Array.isArray(value) ? { [key]: [value[0], newId.get(value[1] as number)] } : {};
  };
  const { special_tokens: special, processors } = stage;
  return {
    ...stage,
    ...pair('cls'),
    ...pair('sep'),
    ...(processors && { processors: processors.map((one) => renumbered(one, newId)) }),
    ...(isRecord(special) && {
      special_tokens: Object.fromEntries(
        Object.entries(special).map(([name, token]) => {
          const { ids = [], ...rest } = token as { ids?: number[] };
          return [name, { ...rest, ids: ids.map((id) => newId.get(id)!) }];
        }),
      ),
    }),
  };
}

function configOf(config: TokenizerConfig, newId: ReadonlyMap<number, number>): TokenizerConfig {
  const { added_tokens_decoder: decoder } = config;
  if (!isRecord(decoder)) return config;
  const entries = Object.entries(decoder).flatMap(([id, token]) =>
    newId.has(Number(id)) ? [[String(newId.get(Number(id))), token] as const] : [],
  );
  return { ...config, added_tokens_decoder: Object.fromEntries(entries) };
}

function withNewId(record: Record<string, unknown>, key: string, newId: ReadonlyMap<number, number>) {
  const id = record[key];
  return typeof id === 'number' ? { ...record, [key]: newId.get(id) ?? 0 } : record;
}
