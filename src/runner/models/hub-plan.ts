/** @file What would be fetched of a model: which commit, which of its files, how many bytes, under which licence. Only the hub's lists are read. */

import { listFiles, modelInfo, type ListFileEntry } from '@huggingface/hub';
import { hubIdText, isCommit, type HubId } from '../../protocol/hub-id';
import { complaint, ComplaintError } from '../../protocol/problem';
import { hubError, reasonOf, type Hub } from './hub';

export interface HubFile {
  path: string;
  bytes: number;
  /** Of its content: SHA-256, or for a small file what git calls its blob (SHA-1). It names it in the cache, too. */
  digest: { kind: 'sha256' | 'git'; hex: string };
}

export interface HubPlan extends HubId {
  host: string;
  commit: string;
  /** As its model card has it. */
  licence?: string | undefined;
  files: HubFile[];
  bytes: number;
}

const WEIGHTS = 'model.safetensors';
const INDEX = `${WEIGHTS}.index.json`;

/** Beside the weights: what the model, its tokenizer, Python transformers and sentence-transformers read, and its card. */
const wanted =
  /^((config|generation_config|tokenizer|tokenizer_config|special_tokens_map|added_tokens|vocab)\.json|vocab\.txt|merges\.txt|chat_template\.(jinja|json)|README\.md|LICENSE(\.\w+)?|modules\.json|sentence_bert_config\.json|config_sentence_transformers\.json|\d+_\w+\/(config\.json|model\.safetensors))$/;
const shard = /^model-\d+-of-\d+\.safetensors$/;
const card = /^(README\.md|LICENSE(\.\w+)?)$/;
/** Of a model in several files, as llama-gguf-split writes them. */
const partOfGguf = /-\d{5}-of-\d{5}\.gguf$/;
const otherWeights = /\.(safetensors|bin|gguf|h5|msgpack|onnx|pt)$/;

/** Nobody reads more names. */
const MOST_NAMED = 12;

/** A repository of a model has some dozens of files; what never ends is none. */
const MOST_FILES = 10_000;

/** @throws ComplaintError for what the hub refuses, or a model without what is needed */
export async function planModel(hub: Hub, about: HubId): Promise<HubPlan> {
  const common = { hubUrl: hub.address, fetch: hub.fetch };
  const { id, revision } = about;
  const { sha, cardData } = await answered(hub, () =>
    modelInfo({ ...common, name: id, revision, additionalFields: ['sha', 'cardData'] }),
  );
  if (!isCommit(sha)) throw unknownAnswer(hub, 'it names no commit');
  const entries = await answered(hub, () => all(listFiles({ ...common, repo: id, revision: sha })));
  const files = chosen(entries, about).map((entry) => fileOf(entry, hub));
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  const licence = licenceOf(cardData);
  return { ...about, host: hub.host, commit: sha, licence, files, bytes };
}

async function all(listed: AsyncIterable<ListFileEntry>): Promise<ListFileEntry[]> {
  const entries: ListFileEntry[] = [];
  for await (const entry of listed) {
    entries.push(entry);
    if (entries.length > MOST_FILES) throw new Error(`more than ${MOST_FILES} files`);
  }
  return entries;
}

/** What is no JSON, or of another form, is found wherever the package reads it. */
async function answered<T>(hub: Hub, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof ComplaintError || (error as Error).name === 'AbortError') throw error;
    throw unknownAnswer(hub, reasonOf(error));
  }
}

const unknownAnswer = ({ host }: Hub, reason: string): ComplaintError =>
  hubError(complaint('hub-answer-unknown', { host, reason }));

function chosen(entries: readonly ListFileEntry[], about: HubId): ListFileEntry[] {
  const files = entries.filter(({ type, path }) => type === 'file' && typeof path === 'string');
  const has = (name: string): boolean => files.some(({ path }) => path === name);
  const one = ggufOf(files, about, has('config.json') && (has(WEIGHTS) || has(INDEX)));
  if (one) return files.filter((file) => file === one || card.test(file.path));
  const id = hubIdText(about);
  if (!has('config.json')) throw hubError(complaint('hub-without-config', { id }));
  const isWeights = ({ path }: ListFileEntry): boolean =>
    has(WEIGHTS) ? path === WEIGHTS : path === INDEX || shard.test(path);
  if (!has(WEIGHTS) && !has(INDEX)) {
    const others = files.map(({ path }) => path).filter((path) => otherWeights.test(path));
    const named = others.length > 0 ? { files: others.slice(0, 5) } : {};
    throw hubError(complaint('hub-without-safetensors', { id, ...named }));
  }
  return files.filter((file) => wanted.test(file.path) || isWeights(file));
}

/** The GGUF file that is named, or the only one of a repository without weights for Python transformers. */
function ggufOf(files: readonly ListFileEntry[], about: HubId, isForPython: boolean): ListFileEntry | undefined {
  const { file } = about;
  if (file === undefined && isForPython) return undefined;
  const whole = files.filter(({ path }) => path.endsWith('.gguf') && !partOfGguf.test(path));
  const names = whole.map(({ path }) => path);
  const example = hubIdText({ ...about, file: names.find((name) => /q4_k_m/i.test(name)) ?? names[0] ?? '' });
  const listed = { files: names.slice(0, MOST_NAMED), example };
  if (file !== undefined) {
    const id = hubIdText({ id: about.id, revision: about.revision });
    if (partOfGguf.test(file)) throw hubError(complaint('hub-gguf-in-parts', { file }));
    const found = whole.find(({ path }) => path === file);
    if (found) return found;
    throw hubError(
      names.length > 0 ? complaint('hub-without-file', { id, file, ...listed }) : complaint('hub-without-gguf', { id }),
    );
  }
  if (whole.length > 1) throw hubError(complaint('hub-several-gguf', { id: hubIdText(about), ...listed }));
  return whole[0];
}

function fileOf({ path, size, oid, lfs }: ListFileEntry, hub: Hub): HubFile {
  const digest = lfs ? { kind: 'sha256' as const, hex: lfs.oid } : { kind: 'git' as const, hex: oid };
  const bytes = lfs ? lfs.size : size;
  // It becomes the name of a file.
  const isDigest = typeof digest.hex === 'string' && /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(digest.hex);
  if (!isDigest || !Number.isSafeInteger(bytes) || bytes < 0) throw unknownAnswer(hub, `${path} has no checksum`);
  return { path, bytes, digest: { ...digest, hex: digest.hex! } };
}

/** One, or several in a list. */
function licenceOf(card: unknown): string | undefined {
  const { license } = (card ?? {}) as { license?: unknown };
  const names = (Array.isArray(license) ? license : [license]).filter((name) => typeof name === 'string');
  return names.length > 0 ? names.join(', ').slice(0, 100) : undefined;
}
