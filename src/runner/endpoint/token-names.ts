/** @file Which token of the experiment's tokenizer a server means, by an id or a text, and whether both mean the same by an id. */

import type { Tokenizer } from '../../tokenizer/tokenizer';

export class TokenNames {
  /** Ids by text; undefined for a text that several tokens have. */
  private texts: Map<string, number | undefined> | undefined;

  constructor(private readonly tokenizer: Tokenizer) {}

  get vocabularySize(): number {
    return this.tokenizer.vocabularySize;
  }

  get endOfText(): number | undefined {
    return this.tokenizer.special.endOfText;
  }

  /** As a person reads it. */
  textOf(id: number): string {
    return this.tokenizer.tokenText(id);
  }

  /** Undefined for a token that is not ours, or cannot be told from others. */
  idOf(text: string): number | undefined {
    const named = /^token_id:(\d+)$/.exec(text);
    const id = named ? Number(named[1]) : this.idOfText(text);
    return id !== undefined && id < this.vocabularySize ? id : undefined;
  }

  /** Whether `text` may be what the server calls our token. Servers spell parts of characters and special tokens in ways of their own. */
  isSame(id: number, text: string): boolean {
    if (text === '' || text.includes('\ufffd') || /^(bytes|token_id):/.test(text)) return true;
    if (id >= this.vocabularySize || this.tokenizer.isSpecial(id)) return true;
    const own = this.tokenizer.tokenText(id);
    if (own === text || own.trim() === text.trim() || /<0x[0-9A-F]{2}>/.test(own)) return true;
    return this.tokenizer.decode([id]).trim() === text.trim();
  }

  private idOfText(text: string): number | undefined {
    this.texts ??= this.allTexts();
    return this.texts.get(text);
  }

  private allTexts(): Map<string, number | undefined> {
    const texts = new Map<string, number | undefined>();
    for (let id = 0; id < this.vocabularySize; id++) {
      const text = this.tokenizer.tokenText(id);
      texts.set(text, texts.has(text) ? undefined : id);
    }
    return texts;
  }
}
