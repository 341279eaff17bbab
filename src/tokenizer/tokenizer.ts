/** @file Text to token ids and back, with the place of every token in the text. */

import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Tokenizer as LibraryTokenizer } from '@huggingface/tokenizers';
import { InputError } from '../protocol/problem';
import { addedTokenFinder, type FindAddedTokens } from './added-tokens';
import { Aligned } from './aligned';
import { bytesOf } from './byte-level';
import { ChatTemplate, templateIn } from './chat-template';
import { cutTokenizer } from './cut-vocabulary';
import { hasExpression, withinTime } from './limits';
import { normalizerFor, type Normalize } from './normalizer';
import { pieceEncoder, type EncodePiece } from './piece-encoder';
import { PLAIN, preTokenizerFor, type PreTokenizer } from './pre-tokenizer';
import { namedTokens, specialTokens, tokenTexts, type SpecialTokens } from './special-tokens';
import { templateFor, type Part, type Template } from './template';
import { readTokenizerFiles } from './tokenizer-files';
import {
  checkTokenizerJson,
  membersOf,
  type ModelJson,
  type Stage,
  type TokenizerConfig,
  type TokenizerJson,
} from './tokenizer-json';
import { cutMargin, cutOff, longestFirst } from './truncation';

/** One input of a model. All arrays have one entry a token. */
export interface Encoding {
  ids: Int32Array;
  typeIds: Int32Array;
  /** Token i stands for the UTF-16 units [starts[i], ends[i]) of its text; special tokens have [0, 0). */
  starts: Int32Array;
  ends: Int32Array;
  /** 1 for tokens that the tokenizer put around the text. */
  special: Uint8Array;
  /** Whose offsets they are: 0 the text, 1 the pair, 2 the prompt (examples of prompt and completion only). */
  sequence: Uint8Array;
  /** Tokens were left out to keep to the greatest length. */
  truncated: boolean;
}

export interface EncodeOptions {
  pair?: string | undefined;
  addSpecialTokens?: boolean | undefined;
  /** Greatest number of tokens, special ones included. Text is cut off at its end, the longer of two texts first. */
  maxLength?: number | undefined;
}

export interface DecodeOptions {
  skipSpecialTokens?: boolean;
}

/** A text that is given word by word. */
export interface WordEncoding extends Encoding {
  /** Which word each token is of; −1 for special tokens. A word of which no character is left has none. */
  words: Int32Array;
}

/** Tokens of one text, before special tokens are put around them. */
interface TextTokens {
  ids: number[];
  starts: number[];
  ends: number[];
}

/**
 * A piece without any break longer than this is cut up before the model sees it, which keeps time and memory within
 * bounds for a file that is no text. Only there can ids differ from those of other implementations.
 */
const longestPiece = 65_536;

/** How a byte is written that is a token by itself. */
const BYTE = /^<0x[0-9A-F]{2}>$/;

const encoder = new TextEncoder();

/** Fully described by its tokenizer.json; tokenizer_config.json adds which token has which role. */
export class Tokenizer {
  readonly vocabularySize: number;
  /** 'bpe', 'wordpiece', 'unigram' or another model type of tokenizer.json, in lower case. */
  readonly kind: string;
  readonly special: SpecialTokens;
  /** SHA-256 of the tokenizer.json, in hexadecimal. */
  readonly contentHash: string;

  /** Milliseconds that one text may take where the tokenizer.json has expressions of its own. */
  static timeLimit = 10_000;

  private readonly library: LibraryTokenizer;
  private readonly model: NonNullable<LibraryTokenizer['model']>;
  private readonly specialIds: ReadonlySet<number>;
  private readonly findAdded: FindAddedTokens;
  private readonly findAddedNormalized: FindAddedTokens;
  private readonly normalize: Normalize;
  private readonly preTokenizer: PreTokenizer;
  /** Of a word that is given by itself. */
  private readonly wordPreTokenizer: PreTokenizer;
  private readonly encodePiece: EncodePiece;
  private readonly template: Template;
  private readonly margin: number;
  private readonly isLimited: boolean;
  private readonly hasByteFallback: boolean;
  /** Before a token that goes on with a word; '' where tokens do not tell. */
  private readonly continued: string;
  private chatTemplate: ChatTemplate | undefined;

  private constructor(
    json: TokenizerJson,
    /** The bytes of the tokenizer.json, kept so that a saved copy is the same file. */
    readonly jsonText: string,
    private readonly config: TokenizerConfig,
  ) {
    this.library = new LibraryTokenizer(json, config);
    this.model = this.library.model!;
    this.kind = kindOf(json.model);
    this.vocabularySize = this.model.vocab.length;
    this.contentHash = createHash('sha256').update(jsonText).digest('hex');
    this.special = specialTokens(json, config, (token) => this.model.tokens_to_ids.get(token));
    const added = json.added_tokens;
    this.specialIds = new Set([
      ...added.filter((token) => token.special === true).map((token) => token.id),
      ...Object.values(this.special).filter((id): id is number => id !== undefined),
    ]);
    this.normalize = normalizerFor(json.normalizer);
    const isNormalized = (token: { normalized?: boolean; special?: boolean }) =>
      token.normalized ?? token.special !== true;
    this.findAdded = addedTokenFinder(
      added.filter((token) => !isNormalized(token)),
      (token) => token.content,
    );
    this.findAddedNormalized = addedTokenFinder(
      added.filter(isNormalized),
      (token) => this.normalize(Aligned.original(token.content)).text,
    );
    this.margin = cutMargin + Math.max(0, ...added.map((token) => token.content.length));
    this.preTokenizer = preTokenizerFor(json.pre_tokenizer);
    this.wordPreTokenizer = preTokenizerFor(wordStage(json.pre_tokenizer, config));
    this.encodePiece = pieceEncoder(this.model, json.model, this.preTokenizer.byteLevel);
    this.template = templateFor(json.post_processor);
    this.hasByteFallback = json.model.byte_fallback === true;
    this.continued = json.model.continuing_subword_prefix ?? '';
    this.isLimited = hasExpression(json.normalizer) || hasExpression(json.pre_tokenizer);
  }

  /** Reads `tokenizer.json` and `tokenizer_config.json` of a Hugging Face folder. Throws InputError. */
  static async load(directory: string): Promise<Tokenizer> {
    const { file, source, json, config } = await readTokenizerFiles(directory);
    try {
      return new Tokenizer(checkTokenizerJson(json), source, config);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw InputError.at(file, 'tokenizer-unusable', { reason });
    }
  }

  /** Throws an Error where the JSON is no tokenizer that is understood. */
  static fromJson(tokenizerJson: object, config: object = {}): Tokenizer {
    const json = checkTokenizerJson(tokenizerJson);
    return new Tokenizer(json, JSON.stringify(json, null, 2), { ...config });
  }

  /**
   * The same without the tokens that texts of these ids do not use, and the earlier id of each that is left.
   * @throws Error for a kind that is none of `cuttableKinds`
   */
  cut(used: Iterable<number>): { tokenizer: Tokenizer; kept: Int32Array } {
    const special = (Object.values(this.special) as (number | undefined)[]).filter((id) => id !== undefined);
    const whole = checkTokenizerJson(JSON.parse(this.jsonText));
    const { json, config, kept } = cutTokenizer(whole, this.config, this.kind, [...used, ...special]);
    return { tokenizer: Tokenizer.fromJson(json, config), kept };
  }

  /** What `fromJson` makes the same tokenizer from. */
  get files(): { json: object; config: object } {
    return { json: JSON.parse(this.jsonText) as object, config: this.config };
  }

  /** Writes, into a folder that is there, the two files that Python `transformers` and this class load; `positions` are those of the model that they go with. Whoever calls this makes the folder whole or not at all. */
  async save(directory: string, positions?: number): Promise<void> {
    await writeFile(path.join(directory, 'tokenizer.json'), this.jsonText);
    const config = JSON.stringify(positions === undefined ? this.config : this.configFor(positions), null, 2) + '\n';
    await writeFile(path.join(directory, 'tokenizer_config.json'), config);
  }

  /** Python's pipelines cut texts off at `model_max_length` and fill batches up with `pad_token`; without them they fail. */
  private configFor(positions: number): TokenizerConfig {
    const { model_max_length: known } = this.config;
    const pad = this.special.pad ?? this.special.endOfText;
    const special = { ...this.special, ...(pad !== undefined && { pad }) };
    return {
      ...this.config,
      // All of them: where one is named, those that are not named are none.
      ...namedTokens(special, this.config, (id) => this.model.vocab[id]),
      model_max_length: typeof known === 'number' ? Math.min(known, positions) : positions,
    };
  }

  /** Id to fill up short rows with; the attention mask hides it, so any id does where there is no padding token. */
  get padId(): number {
    return this.special.pad ?? this.special.endOfText ?? 0;
  }

  /** What writes prompts and answers as the model was taught to read them; undefined where the files have none. Throws a ComplaintError where it is no template. */
  get chat(): ChatTemplate | undefined {
    const template = templateIn(this.config);
    if (template === undefined) return undefined;
    const texts = (): Record<string, string> => tokenTexts(this.special, this.config, (id) => this.model.vocab[id]);
    return (this.chatTemplate ??= new ChatTemplate(template, texts()));
  }

  isSpecial(id: number): boolean {
    return this.specialIds.has(id);
  }

  /** Throws a ComplaintError where the file's own expressions or replacements take too long, or too much memory. */
  encode(text: string, options: EncodeOptions = {}): Encoding {
    return this.limited(() => this.encodeWhole(text, options));
  }

  private limited<T>(work: () => T): T {
    return this.isLimited ? withinTime(Tokenizer.timeLimit, work) : work();
  }

  private encodeWhole(text: string, options: EncodeOptions): Encoding {
    const { pair, addSpecialTokens = true, maxLength = Infinity } = options;
    const parts = (pair === undefined ? this.template.single : this.template.pair).filter(
      (part) => addSpecialTokens || 'sequence' in part,
    );
    const room = Math.max(0, maxLength - parts.filter((part) => 'special' in part).length);
    const first = pair === undefined ? this.firstTokens(text, room + 1) : this.tokenize(text, Infinity);
    const second = pair === undefined ? { ids: [], starts: [], ends: [] } : this.tokenize(pair, Infinity);
    const keep = longestFirst(first.ids.length, second.ids.length, room);
    const truncated = keep[0] < first.ids.length || keep[1] < second.ids.length;
    const encoding = assemble(parts, [first, second], keep, truncated);
    if (this.template.trimOffsets) this.trimOffsets(encoding, [text, pair ?? '']);
    return encoding;
  }

  /**
   * As Python's `tokenizer(words, is_split_into_words=True)`: each word is cut up by itself, and what is beyond `maxLength` is left out.
   * Offsets are those in the words with a space between them. Throws as `encode`.
   */
  encodeWords(words: readonly string[], { maxLength = Infinity }: Pick<EncodeOptions, 'maxLength'> = {}): WordEncoding {
    return this.limited(() => this.encodeEachWord(words, maxLength));
  }

  private encodeEachWord(words: readonly string[], maxLength: number): WordEncoding {
    const room = Math.max(0, maxLength - this.template.single.filter((part) => 'special' in part).length);
    const tokens: TextTokens = { ids: [], starts: [], ends: [] };
    const wordOf: number[] = [];
    let start = 0;
    for (const [index, word] of words.entries()) {
      if (tokens.ids.length > room) break;
      const own = this.tokenize(word, Infinity, this.wordPreTokenizer);
      for (const [i, id] of own.ids.entries()) {
        tokens.ids.push(id);
        tokens.starts.push(start + own.starts[i]!);
        tokens.ends.push(start + own.ends[i]!);
        wordOf.push(index);
      }
      start += word.length + 1;
    }
    const kept = Math.min(room, tokens.ids.length);
    const encoding = assemble(
      this.template.single,
      [tokens, { ids: [], starts: [], ends: [] }],
      [kept, 0],
      kept < wordOf.length,
    );
    let next = 0;
    return { ...encoding, words: Int32Array.from(encoding.special, (special) => (special ? -1 : wordOf[next++]!)) };
  }

  decode(ids: Iterable<number>, { skipSpecialTokens = false }: DecodeOptions = {}): string {
    const kept = Array.from(ids).filter((id) => !(skipSpecialTokens && this.specialIds.has(id)));
    if (kept.length === 0) return '';
    return this.library.decode(kept, { clean_up_tokenization_spaces: false });
  }

  /** One token as a person reads it: ` sail`, `##ing`, `[MASK]`; bytes that are no whole character as `<0xF0>`. */
  tokenText(id: number): string {
    const token = this.model.vocab[id];
    if (token === undefined) return `<${id}>`;
    if (this.specialIds.has(id)) return token;
    if (!this.preTokenizer.byteLevel) return token.replaceAll('▁', ' ');
    const bytes = bytesOf(token);
    if (!bytes) return token;
    const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
    if (!text.includes('\ufffd') || token === 'ï¿½') return text;
    return Array.from(bytes, (byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`).join('');
  }

  /** Whether a token is one byte, of a character that the vocabulary has no token for (SentencePiece's byte fallback). */
  isByteFallback(id: number): boolean {
    return this.hasByteFallback && BYTE.test(this.model.vocab[id] ?? '');
  }

  /** What a token is of a text, in UTF-8, with the space before it where it begins a word; undefined of one that is none. */
  tokenBytes(id: number): Uint8Array | undefined {
    const token = this.model.vocab[id];
    if (token === undefined || this.specialIds.has(id)) return undefined;
    if (this.isByteFallback(id)) return Uint8Array.of(Number.parseInt(token.slice(3, 5), 16));
    if (this.preTokenizer.byteLevel) return bytesOf(token) ?? encoder.encode(token);
    const { continued } = this;
    if (continued !== '')
      return encoder.encode(token.startsWith(continued) ? token.slice(continued.length) : ` ${token}`);
    return encoder.encode(token.replaceAll('▁', ' '));
  }

  /** The pieces of a text that the model would see, as the trainers count them. */
  pieces(text: string): string[] {
    return this.limited(() => {
      const normalized = this.normalize(Aligned.original(text));
      if (!this.canCutPlain(normalized)) return this.preTokenizer.split(normalized).map((piece) => piece.text);
      const pieces: string[] = [];
      this.preTokenizer.cutPlain!(normalized.text, (start, end) => {
        pieces.push(normalized.text.slice(start, end));
        return false;
      });
      return pieces;
    });
  }

  /** At least the first `wanted` tokens of `text` (all, if it has fewer), reading no more of it than is needed. */
  private firstTokens(text: string, wanted: number): TextTokens {
    for (let length = 256 + 8 * wanted; this.preTokenizer.local && length < text.length; length *= 4) {
      const end = cutOff(text, length);
      if (end === text.length) break;
      const tokens = this.tokenize(text.slice(0, end), wanted);
      const safe = tokens.ends.findIndex((tokenEnd) => tokenEnd > end - this.margin);
      if ((safe < 0 ? tokens.ids.length : safe) >= wanted) return tokens;
    }
    return this.tokenize(text, wanted);
  }

  /** Tokens of `text`; after `wanted` ones it may stop. */
  private tokenize(text: string, wanted: number, preTokenizer = this.preTokenizer): TextTokens {
    const tokens: TextTokens = { ids: [], starts: [], ends: [] };
    const add = (id: number, start: number, end: number) => {
      tokens.ids.push(id);
      tokens.starts.push(start);
      tokens.ends.push(end);
    };
    for (const stretch of this.findAdded(text)) {
      if (stretch.id !== undefined) {
        add(stretch.id, stretch.start, stretch.end);
        continue;
      }
      const normalized = this.normalize(Aligned.original(text.slice(stretch.start, stretch.end), stretch.start));
      for (const part of this.findAddedNormalized(normalized.text)) {
        if (part.id !== undefined) {
          add(part.id, normalized.startOf(part.start), normalized.endOf(part.end - 1));
          continue;
        }
        const ordinary = normalized.slice(part.start, part.end);
        if (this.canCutPlain(ordinary, preTokenizer)) {
          if (this.tokenizePlain(ordinary.text, ordinary.originalStart!, tokens, wanted)) return tokens;
          continue;
        }
        for (const piece of preTokenizer.split(ordinary)) {
          for (const shorter of this.cutLong(piece)) {
            const { ids, starts, ends } = this.encodePiece(shorter.text);
            ids.forEach((id, i) => add(id, shorter.startOf(starts[i]!), shorter.endOf(ends[i]! - 1)));
            if (tokens.ids.length >= wanted) return tokens;
          }
        }
      }
    }
    return tokens;
  }

  private canCutPlain({ text, originalStart }: Aligned, { cutPlain } = this.preTokenizer): boolean {
    return cutPlain !== undefined && originalStart !== undefined && text.length <= longestPiece && PLAIN.test(text);
  }

  /** Adds the tokens of a text that begins at `base`. Returns whether there are `wanted` of them. */
  private tokenizePlain(text: string, base: number, { ids, starts, ends }: TextTokens, wanted: number): boolean {
    this.preTokenizer.cutPlain!(text, (start, end) => {
      const piece = this.encodePiece(text.slice(start, end));
      const from = base + start;
      for (let i = 0; i < piece.ids.length; i++) {
        ids.push(piece.ids[i]!);
        starts.push(from + piece.starts[i]!);
        ends.push(from + piece.ends[i]!);
      }
      return ids.length >= wanted;
    });
    return ids.length >= wanted;
  }

  private cutLong(piece: Aligned): Aligned[] {
    // WordPiece makes one unknown token of any long word.
    if (piece.length <= longestPiece || this.kind === 'wordpiece') return [piece];
    const parts: Aligned[] = [];
    for (let start = 0; start < piece.length;) {
      let end = Math.min(piece.length, start + longestPiece);
      if (end < piece.length && /[\ud800-\udbff]/.test(piece.text[end - 1]!)) end--;
      parts.push(piece.slice(start, end));
      start = end;
    }
    return parts;
  }

  /** As `process_offsets` of Hugging Face's tokenizers (src/pre_tokenizers/byte_level.rs). */
  private trimOffsets({ ids, starts, ends, special, sequence }: Encoding, texts: readonly string[]): void {
    for (let i = 0; i < ids.length; i++) {
      if (special[i]) continue;
      const id = ids[i]!;
      const token = this.specialIds.has(id) ? texts[sequence[i]!]!.slice(starts[i], ends[i]) : this.model.vocab[id]!;
      let leading = /^[\u0120\s]*/.exec(token)![0].length;
      const trailing = /[\u0120\s]*$/.exec(token)![0].length;
      if (leading === 1 && starts[i] === 0 && this.template.addPrefixSpace) leading = 0;
      starts[i] = Math.min(starts[i]! + leading, ends[i]!);
      if (ends[i]! >= trailing) ends[i] = Math.max(ends[i]! - trailing, starts[i]!);
    }
  }
}

/** Classes of transformers that read any tokenizer.json as it stands; the others have a byte-level word follow a space, or refuse it. */
const anyTokenizer = ['PreTrainedTokenizerFast', 'TokenizersBackend'];

/** The pre-tokenizer for a word by itself: a byte-level one puts a space before it, where its model was taught so. */
function wordStage(stage: Stage | null, { tokenizer_class, add_prefix_space }: TokenizerConfig): Stage | null {
  if (stage?.type === 'Sequence') {
    const pretokenizers = membersOf(stage).map((one) => wordStage(one, { tokenizer_class, add_prefix_space })!);
    return { ...stage, pretokenizers };
  }
  if (stage?.type !== 'ByteLevel') return stage;
  const isAny = typeof tokenizer_class !== 'string' || anyTokenizer.includes(tokenizer_class);
  return { ...stage, add_prefix_space: isAny ? (add_prefix_space ?? stage.add_prefix_space) : true };
}

/** Older files do not name the type. */
function kindOf(model: ModelJson): string {
  if (model.type !== undefined) return model.type.toLowerCase();
  if (Array.isArray(model.vocab)) return 'unigram';
  return 'merges' in model ? 'bpe' : 'wordpiece';
}

function assemble(
  parts: readonly Part[],
  texts: readonly [TextTokens, TextTokens],
  keep: readonly [number, number],
  truncated: boolean,
): Encoding {
  const widths = parts.map((part) => ('sequence' in part ? keep[part.sequence] : 1));
  const length = widths.reduce((sum, width) => sum + width, 0);
  const encoding: Encoding = {
    ids: new Int32Array(length),
    typeIds: new Int32Array(length),
    starts: new Int32Array(length),
    ends: new Int32Array(length),
    special: new Uint8Array(length),
    sequence: new Uint8Array(length),
    truncated,
  };
  let at = 0;
  parts.forEach((part, p) => {
    for (let i = 0; i < widths[p]!; i++, at++) {
      encoding.typeIds[at] = part.typeId;
      if ('sequence' in part) {
        const tokens = texts[part.sequence];
        encoding.ids[at] = tokens.ids[i]!;
        encoding.starts[at] = tokens.starts[i]!;
        encoding.ends[at] = tokens.ends[i]!;
        encoding.sequence[at] = part.sequence;
      } else {
        encoding.ids[at] = part.special;
        encoding.special[at] = 1;
      }
    }
  });
  return encoding;
}
