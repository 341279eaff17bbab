/** @file GPT-2's byte-level alphabet: every byte is written as one visible character. */

/** `byteCharacters[b]` stands for byte b. https://github.com/openai/gpt-2/blob/master/src/encoder.py (bytes_to_unicode) */
export const byteCharacters: readonly string[] = (() => {
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => {
    const visible = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    return String.fromCharCode(visible ? byte : next++);
  });
})();

const bytesOfCharacters = new Map(byteCharacters.map((character, byte) => [character, byte]));
const encoder = new TextEncoder();

/** `text` in UTF-8, one character a byte. A lone surrogate is written as U+FFFD. */
export function toByteLevel(text: string): string {
  let result = '';
  for (const byte of encoder.encode(text)) result += byteCharacters[byte]!;
  return result;
}

/** The bytes that `symbols` stands for, or null where it is not written in the byte-level alphabet. */
export function bytesOf(symbols: string): Uint8Array | null {
  const bytes = new Uint8Array(symbols.length);
  for (let i = 0; i < symbols.length; i++) {
    const byte = bytesOfCharacters.get(symbols[i]!);
    if (byte === undefined) return null;
    bytes[i] = byte;
  }
  return bytes;
}

/** Number of UTF-8 bytes of one code point. */
export function utf8Length(codePoint: number): number {
  return codePoint < 0x80 ? 1 : codePoint < 0x800 ? 2 : codePoint < 0x10000 ? 3 : 4;
}
