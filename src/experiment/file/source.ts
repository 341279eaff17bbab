/** @file The text of an experiment file: its value, and where each key and value of it stands. */

import { findNodeAtLocation, findNodeAtOffset, getNodePath, type JSONPath, type Node } from 'jsonc-parser';
import type { Complaint, Fix, Problem } from '../../protocol/problem';
import { readSyntax } from './syntax';

/** Keys and list indices that lead to a value. */
export type Path = readonly (string | number)[];

/** Where something stands, counted from 1, the end exclusive. */
export interface Span {
  line: number;
  column: number;
  endLine: number;
  endColumn: number;
}

/**
 * JSON with comments and its places. `root` is what could be read of a text with a fault, and undefined where nothing could be.
 */
export class Source {
  readonly root: Node | undefined;
  readonly problems: readonly Problem[];
  /**
   * Of a text that is no JSON, the value where its fault is: what is read there and missing from what it is in may be the fault's
   * doing. Absent where the text is JSON.
   */
  readonly faultAt: Path | undefined;
  private readonly lineStarts: number[];
  /** Keys that were read as others, by their paths as they are read. */
  private readonly renamed: Path[] = [];

  constructor(
    readonly file: string,
    readonly text: string,
  ) {
    // Editors show no byte order mark and count from after it.
    const shown = text.startsWith('\uFEFF') ? text.slice(1) : text;
    this.lineStarts = findLineStarts(shown);
    const { root, faults } = readSyntax(shown);
    this.root = root;
    this.problems = faults.map(({ offset, length, complaint }) => this.problem(this.span(offset, length), complaint));
    const broken = faults.find(({ breaks }) => breaks);
    this.faultAt = broken && root && pathBefore(root, shown, broken.offset);
  }

  /** Reads the key at `path` as another, which was meant. The text stays, and so the key's place. */
  rename(path: Path, name: string): void {
    const node = this.find(path);
    const key = node && keyOf(node);
    if (!key) return;
    Object.assign(key, { value: name });
    this.renamed.push([...path.slice(0, -1), name]);
  }

  /** Reads the text at `path` as another, which was meant. The text stays, and so its place. */
  readAs(path: Path, value: string): void {
    const node = this.find(path);
    if (node) Object.assign(node, { value });
  }

  /** The value as plain data. The last of two equal keys counts; `__proto__` is a key as any other. */
  value(): unknown {
    return this.root === undefined ? undefined : valueOf(this.root);
  }

  /** Place of the value at `path`: the key of an object or list, the text of anything else; of a missing value, the key that should hold it. */
  placeOf(path: Path): Span {
    const node = this.find(path);
    if (node === undefined) return path.length === 0 ? this.span(0, 1) : this.placeOf(path.slice(0, -1));
    if (node.type !== 'object' && node.type !== 'array') return this.span(node.offset, node.length);
    const key = keyOf(node);
    return key === undefined ? this.span(node.offset, 1) : this.span(key.offset, key.length);
  }

  /** Place of the key at `path`, or of its value where that is an entry of a list. */
  placeOfKey(path: Path): Span {
    const node = this.find(path);
    const key = node === undefined ? undefined : keyOf(node);
    return key === undefined ? this.placeOf(path) : this.span(key.offset, key.length);
  }

  problem(
    place: Span,
    complaint: Complaint,
    severity: Problem['severity'] = 'error',
    fixes: readonly Fix[] = [],
  ): Problem {
    // A value under a misspelt key is mended once the key is.
    const possible = fixes.filter(({ path }) => !this.renamed.some((renamed) => startsWith(path, renamed)));
    return { file: this.file, ...place, severity, ...complaint, ...(possible.length > 0 && { fixes: possible }) };
  }

  /** Whether the text has a value at `path`. */
  has(path: Path): boolean {
    return this.find(path) !== undefined;
  }

  private find(path: Path): Node | undefined {
    return this.root === undefined ? undefined : findNodeAtLocation(this.root, path as JSONPath);
  }

  private span(offset: number, length: number): Span {
    const [line, column] = this.position(offset);
    const [endLine, endColumn] = this.position(offset + length);
    return { line, column, endLine, endColumn };
  }

  private position(offset: number): [line: number, column: number] {
    let low = 0;
    let high = this.lineStarts.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (this.lineStarts[middle]! <= offset) low = middle;
      else high = middle;
    }
    return [low + 1, offset - this.lineStarts[low]! + 1];
  }
}

/** Whether `path` is `start`, or leads on from it. */
export function startsWith(path: Path, start: Path): boolean {
  return start.every((part, index) => part === path[index]);
}

/** Path of the innermost value before an offset. */
function pathBefore(root: Node, text: string, offset: number): Path {
  const before = text.slice(0, offset).trimEnd().length;
  const node = findNodeAtOffset(root, Math.max(root.offset, before), true) ?? root;
  return getNodePath(node);
}

function findLineStarts(text: string): number[] {
  const starts = [0];
  for (const match of text.matchAll(/\r\n|\r|\n/g)) starts.push(match.index + match[0].length);
  return starts;
}

function keyOf(node: Node): Node | undefined {
  return node.parent?.type === 'property' ? node.parent.children?.[0] : undefined;
}

function valueOf(node: Node): unknown {
  if (node.type === 'array') return (node.children ?? []).map(valueOf);
  if (node.type !== 'object') return node.value as unknown;
  const value: Record<string, unknown> = {};
  for (const { children } of node.children ?? []) {
    const [key, content] = children ?? [];
    if (key === undefined || content === undefined) continue;
    Object.defineProperty(value, key.value as string, {
      value: valueOf(content),
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return value;
}
