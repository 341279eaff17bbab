/** @file One dataset document looked at with one run: asks the models about rows and keeps what they said. */

import { EventEmitter, type CancellationToken, type TextDocument } from 'vscode';
import type { InspectResult } from '../../protocol/inspection-records';
import type { InspectedText, TextToInspect } from '../../protocol/runner';
import { errorInEditorWords } from '../base/problem-words';
import type { ModelServer } from '../models/model-server';
import type { ListedRun } from '../runs/run-list';
import { isCancelled } from '../base/failure';
import { InspectedRow, summaryOf, textOfRow, type Columns } from './inspected-row';
import { datasetRows, type DatasetRows } from './rows/dataset-rows';
import type { DocumentRow } from './rows/row';

/** Rows whose results are kept: at 128 tokens with 8 choices of each model, some 100 KB each. */
const mostKept = 2000;

/** Rows of one question: few, so that what is on screen fills up quickly and a question can be dropped. */
const portion = 6;

/** Tokens listed of each distribution. */
export const listedTokens = 7;

export interface Inspected {
  run: ListedRun;
  columns: Columns;
  /** Divides the logits of both models. */
  temperature: number;
}

export class Inspection {
  readonly #changed = new EventEmitter<void>();
  /** More is known. */
  readonly onDidChange = this.#changed.event;
  /** By what was asked, in the order of last use. */
  readonly #results = new Map<string, InspectedText>();
  #rows: DatasetRows;
  #version: number;
  #problem: string | undefined;

  constructor(
    readonly document: TextDocument,
    readonly subject: Inspected,
    private readonly models: ModelServer,
  ) {
    this.#rows = this.#readRows();
    this.#version = document.version;
  }

  /** The rows of lines that count from 0, the last one included. */
  rows(first: number, last: number): Promise<DocumentRow[]> {
    if (this.#version !== this.document.version) {
      this.#version = this.document.version;
      this.#rows = this.#readRows();
    }
    return this.#rows.between(first, Math.min(last, this.document.lineCount - 1));
  }

  /** What is known of a row now. */
  known(row: DocumentRow): InspectedRow | undefined {
    const result = this.#resultOf(row);
    return result && new InspectedRow(this.document, row, this.subject.columns, result);
  }

  /** What is known of the rows of some lines. */
  async knownRows(first: number, last: number): Promise<InspectedRow[]> {
    return (await this.rows(first, last)).flatMap((row) => this.known(row) ?? []);
  }

  /** Asks about the rows that nothing is known of yet, in their order. Rejects when it is cancelled. */
  async fill(rows: readonly DocumentRow[], token: CancellationToken): Promise<void> {
    const texts = rows.map((row) => textOfRow(row, this.subject.columns)).filter((text) => text !== undefined);
    const missing = [...new Map(texts.map((text) => [keyOf(text), text]))].filter(([key]) => !this.#results.has(key));
    for (let start = 0; start < missing.length && !token.isCancellationRequested; start += portion) {
      await this.#ask(missing.slice(start, start + portion), token);
    }
  }

  /** How many of the rows that were looked at so far teacher and student disagree about. */
  get tally(): { rows: number; isClassified: boolean; areNumbers: boolean; disagreements: number; meanKl: number } {
    let [rows, disagreements, kl] = [0, 0, 0];
    let [isClassified, areNumbers] = [false, false];
    for (const result of this.#results.values()) {
      if ('problem' in result) continue;
      rows++;
      isClassified ||= result.tokens !== undefined;
      areNumbers ||= result.labels === 'regression' || result.positions.some(({ cosine }) => cosine !== undefined);
      const { differ, mean } = summaryOf(result);
      if (differ > 0) disagreements++;
      kl += mean;
    }
    return { rows, isClassified, areNumbers, disagreements, meanKl: rows === 0 ? 0 : kl / rows };
  }

  async #ask(asked: readonly [key: string, text: TextToInspect][], token: CancellationToken): Promise<void> {
    const { run, temperature } = this.subject;
    const params = { target: run.paths.directory, temperature, top: listedTokens };
    const texts = asked.map(([, text]) => text);
    const results = await this.models.ask('inspect', { ...params, texts }, token).catch((error: unknown) => {
      if (!isCancelled(error)) this.#fail(error);
      throw error;
    });
    this.#problem = undefined;
    results.forEach((result, index) => this.#results.set(asked[index]![0], result));
    for (const oldest of this.#results.keys()) {
      if (this.#results.size <= mostKept) break;
      this.#results.delete(oldest);
    }
    this.#changed.fire();
  }

  /** Why the models do not answer; undefined while they do. */
  get problem(): string | undefined {
    return this.#problem;
  }

  #fail(error: unknown): void {
    this.#problem = errorInEditorWords(error).message;
    this.#changed.fire();
  }

  #resultOf(row: DocumentRow): InspectResult | undefined {
    const text = textOfRow(row, this.subject.columns);
    if (!text) return undefined;
    const key = keyOf(text);
    const result = this.#results.get(key);
    if (!result || 'problem' in result) return undefined;
    this.#results.delete(key);
    this.#results.set(key, result);
    return result;
  }

  #readRows(): DatasetRows {
    const { document } = this;
    return datasetRows(document.uri.path, {
      get lineCount() {
        return document.lineCount;
      },
      lineAt: (line) => document.lineAt(line).text,
    });
  }

  dispose(): void {
    this.#changed.dispose();
  }
}

const keyOf = (text: TextToInspect): string => JSON.stringify(text);
