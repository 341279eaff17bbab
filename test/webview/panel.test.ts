/** @file What the extension accepts from the Lab's page. */

import { describe, expect, it } from 'vitest';
import { isLabTarget, isPageMessage } from '../../src/protocol/panel';

describe('a message from the page', () => {
  it.each([
    { type: 'ready' },
    { type: 'createSample' },
    { type: 'stop', id: 'run' },
    { type: 'openFile', id: 'run', file: 'data/train.jsonl', line: 1 },
    { type: 'showProbe', id: 'run', step: 0 },
    { type: 'besides', id: 'run', runs: ['other'] },
    { type: 'complete', id: 'run', request: 1, prompt: 'Call me', maxNewTokens: 8 },
    { type: 'complete', id: 'run', request: 1, prompt: 'a', maxNewTokens: 8, sampling: { temperature: 0.8, seed: 3 } },
    { type: 'save', name: 'chart.png', content: new Uint8Array(2) },
  ])('is accepted when complete: %j', (message) => {
    expect(isPageMessage(message)).toBe(true);
  });

  it.each([
    null,
    'ready',
    [],
    {},
    { type: 'eval' },
    { type: 'stop' },
    { type: 'openFile', id: 'run', file: 'data/train.jsonl', line: 0 },
    { type: 'openFile', id: 'run', file: 3, line: 1 },
    { type: 'showProbe', id: 'run', step: '600' },
    { type: 'showProbe', id: 'run', step: 0.5 },
    { type: 'toString' },
    { type: 'besides', id: 'run', runs: [3] },
    { type: 'complete', id: 'run', request: 1, prompt: 'Call me', maxNewTokens: 0 },
    { type: 'complete', id: 'run', request: 1, prompt: 'a', maxNewTokens: 8, sampling: { temperature: 0, seed: 3 } },
    { type: 'save', name: 'chart.png', content: { length: 2 } },
  ])('is refused when a field is missing or of another type: %j', (message) => {
    expect(isPageMessage(message)).toBe(false);
  });
});

describe('a link into the Lab', () => {
  it.each([
    { run: 'a' },
    { run: 'a', tab: 'tokens', row: { file: 'data/test.jsonl', line: 3 }, offset: 12, temperature: 2, step: 0 },
  ])('is followed when it is whole: %j', (target) => {
    expect(isLabTarget(target)).toBe(true);
  });

  it.each([
    undefined,
    'a',
    {},
    { runId: 'a' },
    { run: 'a', tab: 'settings' },
    { run: 'a', row: { file: 'data/test.jsonl', line: 0 } },
    { run: 'a', offset: -1 },
    { run: 'a', temperature: 0 },
  ])('is not taken for one otherwise: %j', (target) => {
    expect(isLabTarget(target)).toBe(false);
  });
});
