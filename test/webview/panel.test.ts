/** @file What the extension accepts from the Lab's page. */

import { describe, expect, it } from 'vitest';
import { isPageMessage } from '../../src/protocol/panel';

describe('a message from the page', () => {
  it.each([
    { type: 'ready' },
    { type: 'createSample' },
    { type: 'stop', id: 'run' },
    { type: 'openFile', id: 'run', file: 'data/train.jsonl', line: 1 },
    { type: 'showProbe', id: 'run', step: 0 },
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
  ])('is refused when a field is missing or of another type: %j', (message) => {
    expect(isPageMessage(message)).toBe(false);
  });
});
