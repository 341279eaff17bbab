import { it } from 'vitest';
import { candidates, describeOnEach } from '../engine/executors';
import { allOr } from '../torture';
import { goldenCases, runCase } from './compare';
import { recordedOn } from './recorded';

/** Those that are here; of WebGPU's process it is the only one, which takes every other model. */
const others = candidates
  .filter(({ engine, missing }) => engine !== 'cpu' && missing === undefined)
  .map(({ engine }) => engine);

describeOnEach('a model computes what transformers computes', (executor, engine) => {
  // Under older names lie the same weights of the same graph.
  const cases = goldenCases.filter(({ folder, expected }) => engine === 'cpu' || folder === expected);
  // Every model on cpu, and on one of the others, which have the op tests too.
  const tried =
    engine === 'cpu'
      ? cases
      : allOr(
          cases,
          cases.filter((_, i) => others[i % Math.max(2, others.length)] === engine),
        );
  it.each(tried.map((golden) => [golden.folder, golden] as const))(
    '%s: logits, hidden states, attentions, loss and every gradient',
    async (_, golden) => runCase(golden, recordedOn(executor())),
  );
});
