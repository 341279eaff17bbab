/** @file A string that remembers, for each of its UTF-16 units, the span of the original text it came from. */

/** A part of a text, and where it begins. */
interface TextPart {
  0: string;
  index: number;
}

/** Text on its way through normalizer and pre-tokenizer. All places are UTF-16 offsets. */
export class Aligned {
  private constructor(
    readonly text: string,
    /** Original span of each unit; null where the text is the original one, moved by `base`. */
    private readonly spans: { starts: Int32Array; ends: Int32Array } | null,
    private readonly base: number,
  ) {}

  /** `text` as it stands in the original from `base` on. */
  static original(text: string, base = 0): Aligned {
    return new Aligned(text, null, base);
  }

  get length(): number {
    return this.text.length;
  }

  /** Where it begins in the original, where each of its units stands for the one at the same distance; undefined where that is not so. */
  get originalStart(): number | undefined {
    return this.spans ? undefined : this.base;
  }

  /** Where the unit at `index` starts in the original. */
  startOf(index: number): number {
    return this.spans ? this.spans.starts[index]! : this.base + index;
  }

  /** Where the unit at `index` ends in the original. */
  endOf(index: number): number {
    return this.spans ? this.spans.ends[index]! : this.base + index + 1;
  }

  slice(from: number, to: number): Aligned {
    if (from === 0 && to === this.length) return this;
    const text = this.text.slice(from, to);
    if (!this.spans) return new Aligned(text, null, this.base + from);
    const { starts, ends } = this.spans;
    return new Aligned(text, { starts: starts.subarray(from, to), ends: ends.subarray(from, to) }, 0);
  }

  /** The same places with another text of the same length, such as its lower case. */
  withText(text: string): Aligned {
    if (text.length !== this.length) throw new RangeError('The text must keep its length.');
    return new Aligned(text, this.spans, this.base);
  }

  /** `prefix` before the text, standing where the first character stands. An empty text stays empty. */
  prepend(prefix: string): Aligned {
    if (this.length === 0) return this;
    const builder = new AlignedBuilder();
    const first = this.text.codePointAt(0)! > 0xffff ? 2 : 1;
    builder.add(prefix, this.startOf(0), this.endOf(first - 1));
    for (let i = 0; i < this.length; i++) builder.add(this.text[i]!, this.startOf(i), this.endOf(i));
    return builder.build();
  }

  /**
   * Each match of the global expression `pattern` becomes what `replace` makes of it; text between matches is kept.
   * @param placesOf for each character of the replacement, which character of the match it stands for. Unless given, the
   * n-th stands for the n-th, further ones for the last.
   */
  replace(
    pattern: RegExp,
    replace: (match: string) => string,
    placesOf?: (match: string, replacement: string) => number[],
  ): Aligned {
    return this.replaceEach(this.text.matchAll(pattern), replace, placesOf);
  }

  /** Each of `parts`, in their order, becomes what `replace` makes of it; what is none of them is kept. Otherwise as `replace`. */
  replaceEach<Part extends TextPart>(
    parts: Iterable<Part>,
    replace: (text: string, part: Part) => string,
    placesOf: (match: string, replacement: string) => number[] = () => [],
  ): Aligned {
    const builder = new AlignedBuilder();
    let done = 0;
    const keep = (to: number) => {
      for (; done < to; done++) builder.add(this.text[done]!, this.startOf(done), this.endOf(done));
    };
    for (const part of parts) {
      const { 0: match, index } = part;
      keep(index);
      done = index + match.length;
      const replacement = replace(match, part);
      const bounds = characterBounds(match);
      const last = bounds.length - 2;
      const places = placesOf(match, replacement);
      let n = 0;
      for (const character of replacement) {
        const place = Math.min(places[n] ?? n, last);
        builder.add(character, this.startOf(index + bounds[place]!), this.endOf(index + bounds[place + 1]! - 1));
        n++;
      }
    }
    keep(this.length);
    return builder.build();
  }

  /** Built unit by unit by `AlignedBuilder`. */
  static built(text: string, starts: number[], ends: number[]): Aligned {
    return new Aligned(text, { starts: Int32Array.from(starts), ends: Int32Array.from(ends) }, 0);
  }
}

class AlignedBuilder {
  private text = '';
  private readonly starts: number[] = [];
  private readonly ends: number[] = [];

  /** Appends `text`, all of whose units came from [start, end) of the original. */
  add(text: string, start: number, end: number): void {
    this.text += text;
    for (let left = text.length; left > 0; left--) {
      this.starts.push(start);
      this.ends.push(end);
    }
  }

  build(): Aligned {
    return Aligned.built(this.text, this.starts, this.ends);
  }
}

/** Where the characters (code points) of `text` start, and its end. */
function characterBounds(text: string): number[] {
  const bounds = [0];
  for (const character of text) bounds.push(bounds.at(-1)! + character.length);
  return bounds;
}
