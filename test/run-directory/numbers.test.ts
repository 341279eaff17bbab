/** @file Runs of earlier versions whose numbers were none are read, and what is missing is said. */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { qualityOf } from '../../src/protocol/quality';
import { MetricsTable } from '../../src/protocol/metrics-table';
import { readPredictions } from '../../src/run-directory/predictions';
import { parseRecord } from '../../src/run-directory/record-file';
import { readRun } from '../../src/run-directory/run-directory';
import { findings, markdownTable, terminalTable } from '../../src/runner/report/comparison-table';
import { reportCharts } from '../../src/runner/report/report-charts';

let directory: string;
beforeEach(() => {
  directory = path.join(mkdtempSync(path.join(os.tmpdir(), 'distillery-numbers-')), '2026-01-01T00-00-00Z_tiny');
  mkdirSync(directory);
});
afterEach(() => {
  rmSync(path.dirname(directory), { recursive: true });
});

const metric = {
  step: 0,
  epoch: 0,
  time: '',
  tokens: 1,
  loss: { total: 1, soft: null },
  learningRate: 1,
  gradientNorm: null,
};
const lines = (...records: unknown[]): Buffer => Buffer.from(records.map((one) => `${JSON.stringify(one)}\n`).join(''));

const row = { run: '2026-01-01T00-00-00Z_tiny', parameters: 10, bytes: 40, latencyMs: 1, split: 'test' };
const good = { accuracy: 0.9, macroF1: 0.8, loss: 0.3, calibrationError: 0.1 };
const bins = [{ confidence: 0.5, accuracy: 0.5, count: 2 }];
const summary = {
  rows: [
    { ...row, role: 'teacher', name: 'teacher', metrics: good, intervals: { macroF1: [0.7, 0.9] }, calibration: bins },
    {
      ...row,
      role: 'student',
      name: 'student',
      metrics: { ...good, macroF1: null, loss: null },
      retention: null,
      intervals: { macroF1: [null, null], accuracy: [0.8, 0.95] },
      gain: { over: 'no-distillation', value: null, interval: [null, null] },
      calibration: [...bins, { confidence: null, accuracy: 0, count: 1 }],
    },
  ],
};

describe('a run whose records hold null for a number', () => {
  it('has steps and evaluations without it, not with 0', () => {
    const record = parseRecord(JSON.stringify(metric), 'metrics')!;
    expect(record.loss).toEqual({ total: 1 });
    const table = new MetricsTable();
    table.push(record);
    expect([table.at('soft', 0), table.at('gradientNorm', 0), table.at('total', 0)]).toEqual([NaN, NaN, 1]);
    const evaluation = { step: 0, split: 'validation', role: 'student', metrics: { accuracy: 0.5, perplexity: null } };
    const read = parseRecord(JSON.stringify(evaluation), 'evaluations')!;
    expect(read.metrics).toEqual({ accuracy: 0.5 });
  });

  it('is read, compared and reported, and a sentence says what is missing', async () => {
    const run = {
      name: 'Tiny',
      task: 'text-classification',
      status: 'done',
      pid: 1,
      engine: 'openvino',
      device: '',
      started: '',
      error: null,
    };
    writeFileSync(path.join(directory, 'run.json'), JSON.stringify({ ...run, summary }));
    const { record } = await readRun(directory);
    const comparison = record.summary!;
    const [, student] = comparison.rows;
    expect(student).toMatchObject({
      metrics: { accuracy: 0.9 },
      intervals: { accuracy: [0.8, 0.95] },
      calibration: bins,
    });
    for (const key of ['retention', 'gain']) expect(student).not.toHaveProperty(key);
    expect(terminalTable(comparison)).toContain(
      `${row.run}: of the student, macroF1, loss were not a finite number when measured and cannot be compared. Run it again.`,
    );
    expect(findings(comparison)).toBe('');
    expect(markdownTable(comparison)).toMatch(/\| student \|.*\| – \|/);
    const training = {
      metrics: [metric, metric].map((one) => parseRecord(JSON.stringify(one), 'metrics')!),
      evaluations: [],
    };
    for (const { svg } of reportCharts([training], [], comparison, qualityOf('text-classification')))
      expect(svg).not.toMatch(/NaN|null|undefined/);
  });

  it('whose summary is damaged is read all the same, and can be gone on with to a new one', async () => {
    const run = {
      name: 'Tiny',
      task: 'causal-lm',
      status: 'done',
      pid: 1,
      engine: 'cpu',
      device: '',
      started: '',
      error: null,
    };
    writeFileSync(path.join(directory, 'run.json'), JSON.stringify({ ...run, summary: { rows: null } }));
    const { record } = await readRun(directory);
    expect(record).toMatchObject({ status: 'failed', error: { code: 'run-summary-damaged' } });
    expect(record.summary).toBeUndefined();
  });

  it('has predictions without it', async () => {
    const file = path.join(directory, 'predictions.jsonl');
    const prediction = { predictions: 1, correct: 0, negativeLogLikelihood: null };
    writeFileSync(file, lines({ file: 'a', line: 1, text: '', models: { student: prediction } }));
    const [read] = (await readPredictions({ predictions: file }))!;
    expect(read!.models.student).toEqual({ predictions: 1, correct: 0 });
  });
});
