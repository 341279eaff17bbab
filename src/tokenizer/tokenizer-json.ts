/** @file The parts of Hugging Face's tokenizer.json and tokenizer_config.json that Distillery reads. */

/** A normalizer, pre-tokenizer, post-processor or decoder; its fields depend on its type. */
export interface Stage {
  type: string;
  normalizers?: Stage[];
  pretokenizers?: Stage[];
  processors?: Stage[];
  decoders?: Stage[];
  content?: string;
  prepend?: string;
  replacement?: string;
  behavior?: string;
  [field: string]: unknown;
}

export interface AddedTokenJson {
  id: number;
  content: string;
  single_word?: boolean;
  lstrip?: boolean;
  rstrip?: boolean;
  normalized?: boolean;
  special?: boolean;
}

export interface ModelJson {
  type?: string;
  unk_token?: string | null;
  continuing_subword_prefix?: string | null;
  byte_fallback?: boolean;
  fuse_unk?: boolean;
  vocab: Record<string, number> | [string, number][];
  [field: string]: unknown;
}

export interface TokenizerJson {
  version?: string;
  truncation?: unknown;
  padding?: unknown;
  added_tokens: AddedTokenJson[];
  normalizer: Stage | null;
  pre_tokenizer: Stage | null;
  post_processor: Stage | null;
  decoder: Stage | null;
  model: ModelJson;
}

export type TokenizerConfig = Record<string, unknown>;

/** Fills in what an older or shortened file leaves out. Throws an Error that says what is wrong with the file. */
export function checkTokenizerJson(json: unknown): TokenizerJson {
  if (!isRecord(json)) throw new Error('It is not a JSON object.');
  const { model } = json;
  if (!isRecord(model) || typeof model.vocab !== 'object' || model.vocab === null) {
    throw new Error('It has no "model" with a "vocab".');
  }
  // The library makes texts of whatever stands there.
  for (const key of ['unk_token', 'continuing_subword_prefix', 'end_of_word_suffix']) {
    if (!['string', 'undefined'].includes(typeof (model[key] ?? undefined)))
      throw new Error(`"model.${key}" is no text.`);
  }
  const { max_input_chars_per_word: longest } = model;
  if (!['number', 'undefined'].includes(typeof (longest ?? undefined)))
    throw new Error('"model.max_input_chars_per_word" is no number.');
  checkVocabulary(model.vocab);
  checkMerges(model.merges ?? []);
  return {
    ...json,
    added_tokens: addedTokens(json.added_tokens ?? []),
    normalizer: stageOf(json.normalizer, 'normalizer'),
    pre_tokenizer: stageOf(json.pre_tokenizer, 'pre_tokenizer'),
    post_processor: stageOf(json.post_processor, 'post_processor'),
    decoder: stageOf(json.decoder, 'decoder'),
    model: model as ModelJson,
  };
}

const isId = (value: unknown): boolean => typeof value === 'number' && Number.isInteger(value) && value >= 0;

function addedTokens(value: unknown): AddedTokenJson[] {
  if (!Array.isArray(value)) throw new Error('"added_tokens" is no list.');
  for (const [i, token] of value.entries()) {
    if (!isRecord(token) || typeof token.content !== 'string')
      throw new Error(`"added_tokens[${i}].content" is no text.`);
    if (!isId(token.id)) throw new Error(`"added_tokens[${i}].id" is no id.`);
  }
  return value as AddedTokenJson[];
}

/** Ids by token, or tokens with their scores. */
function checkVocabulary(vocab: object): void {
  if (Array.isArray(vocab)) {
    const wrong = vocab.findIndex(
      (entry) => !Array.isArray(entry) || typeof entry[0] !== 'string' || typeof entry[1] !== 'number',
    );
    if (wrong >= 0) throw new Error(`"model.vocab[${wrong}]" is no token with its score.`);
    return;
  }
  for (const [token, id] of Object.entries(vocab)) {
    if (!isId(id)) throw new Error(`The token ${JSON.stringify(token)} of "model.vocab" has no id.`);
  }
}

/** `"a b"`, or `["a", "b"]`. */
function checkMerges(merges: unknown): void {
  if (!Array.isArray(merges)) throw new Error('"model.merges" is no list.');
  const isText = (value: unknown): boolean => typeof value === 'string';
  const wrong = merges.findIndex(
    (merge) => !isText(merge) && !(Array.isArray(merge) && merge.length === 2 && merge.every(isText)),
  );
  if (wrong >= 0) throw new Error(`"model.merges[${wrong}]" is no pair of texts.`);
}

const textsOfStages = ['content', 'prepend', 'prepend_scheme', 'replacement', 'behavior'];
const membersOfStages = ['normalizers', 'pretokenizers', 'processors', 'decoders'];

/** What all stages have in common; the rest is looked at by those that need it. */
function stageOf(value: unknown, place: string): Stage | null {
  if (value === undefined || value === null) return null;
  if (!isRecord(value) || typeof value.type !== 'string') throw new Error(`"${place}" has no "type".`);
  for (const key of textsOfStages) {
    if (!['string', 'undefined'].includes(typeof (value[key] ?? undefined)))
      throw new Error(`"${place}.${key}" is no text.`);
  }
  // It takes the place of one space; an empty one would be found in a text without end.
  if (typeof value.replacement === 'string' && value.replacement.length !== 1)
    throw new Error(`"${place}.replacement" is not one character.`);
  for (const key of membersOfStages) {
    const members = value[key] ?? [];
    if (!Array.isArray(members)) throw new Error(`"${place}.${key}" is no list.`);
    members.forEach((member, i) => stageOf(member, `${place}.${key}[${i}]`));
  }
  return value as Stage;
}

/** Members of a stage of type Sequence, which are named by what they are. */
export function membersOf(stage: Stage): Stage[] {
  return stage.normalizers ?? stage.pretokenizers ?? stage.processors ?? stage.decoders ?? [];
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
