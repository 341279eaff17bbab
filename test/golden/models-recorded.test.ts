import { it } from 'vitest';
import { describeOnEach } from '../engine/executors';
import { goldenCases, runCase } from './compare';
import { recordedOn } from './recorded';

describeOnEach('a model computes what transformers computes', (executor) => {
  it.each(goldenCases.map((golden) => [golden.folder, golden] as const))(
    '%s: logits, hidden states, attentions, loss and every gradient',
    async (_, golden) => runCase(golden, recordedOn(executor())),
  );
});
