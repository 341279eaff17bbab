/** @file Typed access to the keys of a config.json; what has the wrong type is reported, what is missing has a default. */

import { InputError } from '../../protocol/problem';
import type { ProblemArguments, ProblemCode } from '../../protocol/problems/catalogue';
import { phrase } from '../../protocol/problems/phrases';
import type { Argument, Phrase } from '../../protocol/problems/templates';

/** Each gets a name, so a number must not be any: a million is twenty times what anybody has trained. */
const MOST_CLASSES = 2 ** 20;

export class ConfigReader {
  private readonly values: Readonly<Record<string, unknown>>;

  /** @throws InputError where `config` is no JSON object */
  constructor(
    config: unknown,
    private readonly file: string,
    /** Of a part of the config: the keys that lead to it, with a dot after each. */
    private readonly path = '',
  ) {
    if (typeof config !== 'object' || config === null || Array.isArray(config)) {
      throw InputError.at(file, 'model-config-not-object', {});
    }
    this.values = config as Record<string, unknown>;
  }

  fail<C extends ProblemCode>(code: C, args: ProblemArguments<C>): never {
    throw InputError.at(this.file, code, args);
  }

  number(key: string, fallback: number): number {
    const value = this.get(key);
    if (value === undefined) return fallback;
    return typeof value === 'number' ? value : this.wrong(key, phrase('number'));
  }

  optionalNumber(key: string): number | undefined {
    return this.get(key) === undefined ? undefined : this.number(key, 0);
  }

  text(key: string, fallback: string): string {
    return this.optionalText(key) ?? fallback;
  }

  optionalText(key: string): string | undefined {
    const value = this.get(key);
    return value === undefined || typeof value === 'string' ? value : this.wrong(key, phrase('a-string'));
  }

  flag(key: string, fallback: boolean): boolean {
    const value = this.get(key);
    if (value === undefined) return fallback;
    return typeof value === 'boolean' ? value : this.wrong(key, phrase('boolean'));
  }

  /** A value that must be one of `known`. */
  choice<T extends string>(key: string, known: readonly T[], fallback: T): T {
    const value = this.text(key, fallback);
    const found = known.find((entry) => entry === value);
    return found ?? this.fail('model-setting-unknown', { key: this.path + key, value, known });
  }

  /** Whether the config says that there is none, where a missing key means that there is one. */
  isNull(key: string): boolean {
    return this.values[key] === null;
  }

  numbers(key: string): number[] {
    const value = this.get(key);
    if (value === undefined) return [];
    const isNumbers = Array.isArray(value) && value.every((entry) => typeof entry === 'number');
    return isNumbers ? value : this.wrong(key, phrase('list-of-numbers'));
  }

  texts(key: string): string[] {
    const value = this.get(key);
    if (value === undefined) return [];
    const isTexts = Array.isArray(value) && value.every((entry) => typeof entry === 'string');
    return isTexts ? value : this.wrong(key, phrase('list-of-strings'));
  }

  /** A token id. Some configs list several end-of-text ids; the first is the one that ends a trained text. */
  tokenId(key: string): number | undefined {
    const value = this.get(key);
    const first: unknown = Array.isArray(value) ? value[0] : value;
    if (first === undefined) return undefined;
    if (typeof first !== 'number' || !Number.isSafeInteger(first)) return this.wrong(key, phrase('token-id'));
    return first < 0 ? undefined : first; // −1 is an old way to write "none"
  }

  /** Class names by index; transformers' own LABEL_0, LABEL_1, ... where the config has none. */
  labels(): string[] {
    const named = this.get('id2label');
    if (named === undefined) return Array.from({ length: this.classCount() }, (_, i) => `LABEL_${i}`);
    if (typeof named !== 'object' || named === null || Array.isArray(named))
      return this.wrong('id2label', phrase('an-object'));
    const byId = named as Record<string, unknown>;
    return Array.from({ length: Object.keys(byId).length }, (_, id) => {
      const label = Object.hasOwn(byId, String(id)) ? byId[String(id)] : undefined;
      if (typeof label === 'string') return label;
      return this.fail('model-class-unnamed', { index: id });
    });
  }

  private classCount(): number {
    const count = this.number('num_labels', 2);
    if (Number.isSafeInteger(count) && count >= 1 && count <= MOST_CLASSES) return count;
    return this.fail('model-classes-impossible', { count, most: MOST_CLASSES });
  }

  /** The keys of an object within the config; undefined where there is none. */
  part(key: string): ConfigReader | undefined {
    const value = this.get(key);
    if (value === undefined) return undefined;
    if (typeof value !== 'object' || Array.isArray(value)) return this.wrong(key, phrase('an-object'));
    return new ConfigReader(value, this.file, `${this.path}${key}.`);
  }

  /** Refuses a setting that the implementation would silently ignore. */
  refuse(key: string, value: unknown, meaning: string): void {
    if (this.get(key) === value) {
      this.fail('model-setting-not-supported', { key: this.path + key, value: value as Argument, meaning });
    }
  }

  /** Refuses every value but this one, which a config without the key means. */
  only(key: string, value: unknown, meaning: string): void {
    const found = this.get(key) ?? value;
    if (found !== value) this.refuse(key, found, meaning);
  }

  /** The value, or undefined for a missing key and for null, which transformers treats alike. */
  private get(key: string): unknown {
    return Object.hasOwn(this.values, key) ? (this.values[key] ?? undefined) : undefined;
  }

  private wrong(key: string, wanted: Phrase): never {
    return this.fail('model-setting-wrong', { key: this.path + key, value: this.values[key] as Argument, wanted });
  }
}
