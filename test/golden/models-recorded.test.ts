import { beforeAll, describe, it } from 'vitest';
import { createCpuExecutor } from '../../src/engine/onnxruntime';
import { goldenCases, runCase, type Execute } from './compare';
import { recordedOn } from './recorded';

let execute: Execute;
beforeAll(async () => {
  execute = recordedOn(await createCpuExecutor());
});

describe('recorded and run by onnxruntime, a model computes what transformers computes', () => {
  it.each(goldenCases.map((golden) => [golden.folder, golden] as const))(
    '%s: logits, hidden states, attentions, loss and every gradient',
    async (_, golden) => runCase(golden, execute),
  );
});
