/** @file Named entities and other classes of words, from the dataset to the exported student, through the real program. */

import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { InspectResult, ProbeExamples } from '../../src/protocol/inspection-records';
import type { EvaluationRecord, PredictionRecord, RunRecord } from '../../src/protocol/records';
import type { RunResult } from '../../src/runner/run/carry-out';
import { distilleryHere, documentHere } from './in-process';
import { onlyRun, readLines, tinyWorkspace } from './program';
import { asLines, entityTags, taggedRows } from './tagged';

const longer = { epochs: 3, batchSize: 8, evaluateEvery: 20, checkpointEvery: 20, learningRate: 4e-3 };

/** Of one run, which all tests look at. */
let workspace: string;
let result: RunResult;
beforeAll(async () => {
  workspace = tinyWorkspace({
    task: 'token-classification',
    rows: {
      train: asLines(taggedRows(200, 1)),
      validation: asLines(taggedRows(40, 2)),
      test: asLines(taggedRows(60, 3)),
    },
    training: longer,
    distillation: { temperature: 2, alpha: 0.5 },
  });
  result = await documentHere<RunResult>(['run', 'tiny.distill.json'], workspace);
}, 60_000);

describe('a run', () => {
  it('teaches the student entities', () => {
    console.log(JSON.stringify(result, null, 1));
    expect(result).toBeDefined();
  });
});
