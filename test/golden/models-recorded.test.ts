import { it } from 'vitest';
import { describeOnEach } from '../engine/executors';
import { allOr } from '../torture';
import { goldenCases, runCase } from './compare';
import { recordedOn } from './recorded';

describeOnEach('a model computes what transformers computes', (executor, engine) => {
  // Under older names lie the same weights of the same graph.
  const cases = goldenCases.filter(({ folder, expected }) => engine === 'cpu' || folder === expected);
  // Every model on one engine, and every other one on the others, which have the op tests too.
  const tried =
    engine === 'cpu'
      ? cases
      : allOr(
          cases,
          cases.filter((_, i) => i % 2 === 0),
        );
  it.each(tried.map((golden) => [golden.folder, golden] as const))(
    '%s: logits, hidden states, attentions, loss and every gradient',
    async (_, golden) => runCase(golden, recordedOn(executor())),
  );
});
