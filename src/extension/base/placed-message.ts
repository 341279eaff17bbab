/** @file Reads `file:line:column: what`, the form in which the runner says what is wrong with an input. */

export interface PlacedMessage {
  file: string;
  /** Both count from 1. */
  line: number;
  column: number;
  message: string;
}

/** Undefined for a line of another form, and for warnings. */
export function placedMessage(text: string): PlacedMessage | undefined {
  // A Windows path has a colon of its own after the drive letter.
  const match = /^((?:[A-Za-z]:)?[^:]+):(\d+):(\d+): (?!warning: )(.+)$/.exec(text);
  if (!match) return undefined;
  const [, file, line, column, message] = match as unknown as [string, string, string, string, string];
  return { file, line: Number(line), column: Number(column), message };
}
