/** @file An experiment's text with some settings replaced by values of its sweep: what is wrong with one is placed at that value. */

import { childOf } from '../file/schema-tree';
import { Source, type Path, type Span } from '../file/source';

/** For each swept setting, by its dotted path, which of its values is meant. */
export type Choices = Readonly<Record<string, number>>;

export class VariedSource extends Source {
  private readonly swept: { keys: string[]; entry: Path }[];

  constructor(
    base: Source,
    private readonly choices: Choices,
  ) {
    super(base.file, base.text);
    this.swept = Object.entries(choices).map(([setting, index]) => ({
      keys: setting.split('.'),
      entry: ['sweep', setting, index],
    }));
  }

  /** The experiment of this choice; it has no sweep of its own. */
  override value(): unknown {
    const whole = super.value();
    const { sweep, ...experiment } = whole as { sweep?: unknown };
    for (const [setting, index] of Object.entries(this.choices)) {
      const values = childOf(sweep, setting);
      setAt(experiment, setting.split('.'), Array.isArray(values) ? values[index] : undefined);
    }
    return experiment;
  }

  override placeOf(path: Path): Span {
    return super.placeOf(this.entryOf(path) ?? path);
  }

  override placeOfKey(path: Path): Span {
    const entry = this.entryOf(path);
    return entry ? super.placeOfKey(entry.slice(0, 2)) : super.placeOfKey(path);
  }

  /** Where in the sweep the value at a path was written; undefined for what the base experiment says. */
  private entryOf(path: Path): Path | undefined {
    for (const { keys, entry } of this.swept) {
      const shared = Math.min(path.length, keys.length);
      if (!path.slice(0, shared).every((key, i) => String(key) === keys[i])) continue;
      // A part of the way there may be the sweep's doing too, where the text has nothing at that path.
      if (path.length >= keys.length) return [...entry, ...path.slice(keys.length)];
      if (path.length > 0 && !this.has(path)) return entry.slice(0, 2);
    }
    return undefined;
  }
}

/** Sets a value deep inside plain data; what is missing or no object on the way becomes one. `__proto__` is a key as any other. */
function setAt(root: object, keys: readonly string[], value: unknown): void {
  let parent = root;
  for (const key of keys.slice(0, -1)) {
    const child = childOf(parent, key);
    const next = typeof child === 'object' && child !== null ? child : {};
    define(parent, key, next);
    parent = next;
  }
  define(parent, keys.at(-1)!, value);
}

function define(object: object, key: string, value: unknown): void {
  Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
}
