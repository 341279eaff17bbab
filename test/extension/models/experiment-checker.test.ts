/** @file An experiment and the files it names are checked in a process of their own, which is ended where that takes too long. */

import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { ExperimentChecker } from '../../../src/extension/models/experiment-checker';
import { ModelServer } from '../../../src/extension/models/model-server';
import { runnerFile } from '../../runner/program';
import { goodExperiment, mails, makeFolder } from '../../experiment/workspace';

const server = new ModelServer(
  runnerFile,
  () => undefined,
  () => undefined,
);
afterAll(() => server.dispose());

const folder = makeFolder({
  'train.jsonl': mails(20),
  'validation.jsonl': mails(4),
  'x.distill.json': { ...goodExperiment, name: 5 },
});
const file = path.join(folder, 'x.distill.json');

it('says what is wrong with what the editor has, or with what is on disk', async () => {
  const whole = new ExperimentChecker(server);
  expect((await whole.problems(file)).map(({ code }) => code)).toEqual(['value-wrong']);
  const dataset = { ...goodExperiment.dataset, train: 'gone.jsonl' };
  const [problem] = await whole.problems(file, JSON.stringify({ ...goodExperiment, dataset }));
  expect(problem).toMatchObject({ code: 'dataset-file-missing', file });
});

it('ends a check that takes too long, says so, and answers the next one', async () => {
  const hasty = new ExperimentChecker(server, 1);
  expect(await hasty.problems(file)).toMatchObject([{ code: 'check-took-too-long', severity: 'warning', file }]);
  writeFileSync(file, JSON.stringify(goodExperiment));
  expect(await new ExperimentChecker(server).problems(file)).toEqual([]);
});
