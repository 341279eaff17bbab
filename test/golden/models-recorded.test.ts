import { it } from 'vitest';
import { describeOnEach } from '../engine/executors';
import { goldenCases, runCase } from './compare';
import { recordedOn } from './recorded';

describeOnEach('a model computes what transformers computes', (executor, engine) => {
  // Under older names lie the same weights of the same graph.
  const cases = goldenCases.filter(({ folder, expected }) => engine === 'cpu' || folder === expected);
  it.each(cases.map((golden) => [golden.folder, golden] as const))(
    '%s: logits, hidden states, attentions, loss and every gradient',
    async (_, golden) => runCase(golden, recordedOn(executor())),
  );
});
