/** @file A translated text with parts that are more than text. */

/**
 * @param text `l10n.t('… {0} …')`, its places still open: translators may change their order
 * @param parts what lit can show, such as a template
 */
export function sentence(text: string, ...parts: readonly unknown[]): unknown[] {
  return text.split(/\{(\d+)\}/).map((piece, i) => (i % 2 === 0 ? piece : parts[Number(piece)]));
}
