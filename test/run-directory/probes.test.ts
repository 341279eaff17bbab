/** @file Probes: what is written is read again. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  probeSteps,
  readProbeExamples,
  readStudentProbe,
  readTeacherProbe,
  writeProbeExamples,
  writeStudentProbe,
  writeTeacherProbe,
} from '../../src/run-directory/probes';
import type { ProbeExamples } from '../../src/protocol/inspection-records';

const examples: ProbeExamples = {
  task: 'text-classification',
  temperature: 4,
  names: ['ham', 'spam'],
  examples: [{ text: 'Hi', file: 'a.jsonl', line: 1, tokens: [], positions: [{ token: -1, label: 1 }] }],
};

describe('probes', () => {
  let directory = '';
  beforeEach(async () => {
    directory = join(await mkdtemp(join(tmpdir(), 'probes-')), 'probes');
  });
  afterEach(() => rm(join(directory, '..'), { recursive: true }));

  it('gives back the examples and, in the order of the examples, their logits', async () => {
    const logits = Array.from({ length: 12 }, (_, k) => Float32Array.of(k, 1 - k / 2));
    const stored = logits.map((data) => ({ shape: [1, 2] as const, data }));
    const twelve = { ...examples, examples: logits.map(() => examples.examples[0]!) };
    await writeProbeExamples(directory, twelve);
    await writeTeacherProbe(directory, stored);
    await writeStudentProbe(directory, 100, stored.toReversed());
    expect(await readProbeExamples(directory)).toEqual(twelve);
    expect(await readTeacherProbe(directory)).toEqual(logits);
    expect(await readStudentProbe(directory, 100)).toEqual(logits.toReversed());
  });

  it('that are not as they were written are told of by their file', async () => {
    const isDamaged = /teacher\.safetensors.+not as the run wrote it/;
    await writeProbeExamples(directory, examples);
    await writeTeacherProbe(directory, [{ shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) }]);
    await expect(readTeacherProbe(directory)).rejects.toThrow(isDamaged);
    await writeTeacherProbe(directory, []);
    await expect(readTeacherProbe(directory)).rejects.toThrow(isDamaged);
    for (const content of ['{"examples":', '{}', 'null', '{"task":"text-classification","examples":[{}]}']) {
      await writeFile(join(directory, 'examples.json'), content);
      await expect(readProbeExamples(directory)).rejects.toThrow(/examples\.json.+not as the run wrote it/);
    }
  });

  it('lists the steps in their order, not that of their names', async () => {
    await writeProbeExamples(directory, examples);
    const stored = [{ shape: [1, 2] as const, data: Float32Array.of(1, 2) }];
    for (const step of [1_000_000, 200, 1000]) await writeStudentProbe(directory, step, stored);
    expect(await probeSteps(directory)).toEqual([200, 1000, 1_000_000]);
  });

  it('says that there is nothing where nothing was written', async () => {
    expect(await readProbeExamples(directory)).toBeUndefined();
    expect(await readTeacherProbe(directory)).toBeUndefined();
    expect(await probeSteps(directory)).toEqual([]);
  });
});
