/** @file The next token with what is kept of the tokens before it: what the whole text gives without. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NextTokens } from '../../src/distill/evaluation/next-tokens';
import { Predictor } from '../../src/distill/evaluation/predictor';
import { prefixed } from '../../src/distill/named';
import { parameterSpecs } from '../../src/distill/specs';
import { placeParameters } from '../../src/distill/teacher/teacher';
import { openExecutor } from '../../src/engine/engines';
import type { Executor, LoadedProgram } from '../../src/engine/executor';
import { loadCheckpoint } from '../../src/model/files/checkpoint';
import { generate, generateAll } from '../../src/model/generate';
import type { Model } from '../../src/model/parameters';
import { topIndices } from '../../src/protocol/distribution';
import { sharingSessions } from '../engine/sessions-of-file';
import { describeOnEach } from '../engine/executors';
import { expectClose, goldenCases, goldenFolder, readGolden } from '../golden/compare';

sharingSessions();

let executor: Executor;
beforeAll(async () => {
  executor = await openExecutor('cpu', { threads: 1 });
});

const loaded: LoadedProgram[] = [];
afterAll(() => Promise.all(loaded.map((program) => program.release())));

/** With little room at a time, so that it grows. */
function nextTokens({ architecture, parameters }: Model, on = executor): NextTokens {
  const programs = new Map<string, Promise<LoadedProgram>>();
  return new NextTokens({
    architecture,
    parameters: prefixed('model.', placeParameters(on, parameterSpecs(architecture), parameters)),
    chunk: 8,
    place: (tensor) => on.place(tensor),
    load: (name, program) => {
      const known = programs.get(name);
      if (known) return known;
      const made = on.load(program()).then((one) => (loaded.push(one), one));
      programs.set(name, made);
      return made;
    },
  });
}

const whole = async (predictor: Predictor, ids: readonly number[]): Promise<Float32Array> => {
  const { shape, data } = await predictor.logits({ ids: Int32Array.from(ids), typeIds: new Int32Array(ids.length) });
  return (data as Float32Array).slice((shape[0]! - 1) * shape[1]!);
};

const decoders = goldenCases.filter(({ task, folder }) => task === 'causal-lm' && folder !== 'gpt2-old-names');

describe('the next token of a text', () => {
  it.each(decoders.map(({ folder }) => folder))('%s: has the same ids and logits with and without', async (folder) => {
    const model = await loadCheckpoint(goldenFolder(folder));
    const predictor = new Predictor(executor, model.architecture, model.parameters);
    const next = nextTokens(model);
    const prompt = [5, 17, 3, 42, 8];
    const kept: Float32Array[] = [];
    const without: Float32Array[] = [];
    const withKept = await generate(
      async (ids) => {
        const [logits] = await next.logits([ids]);
        kept.push(logits!);
        return logits!;
      },
      prompt,
      { maxNewTokens: 20 },
    );
    const anew = await generate(
      async (ids) => {
        const logits = await whole(predictor, ids);
        without.push(logits);
        return logits;
      },
      prompt,
      { maxNewTokens: 20 },
    );
    expect(withKept.ids).toEqual(anew.ids);
    kept.forEach((logits, i) => expectClose(`logits ${i}`, logits, without[i]!, 1e-4));
    await predictor.release();
  });

  it.each(['gpt2', 'llama'])('%s: is transformers’ own', async (folder) => {
    const model = await loadCheckpoint(goldenFolder(folder));
    const next = nextTokens(model);
    const { prompt_ids, generated_ids } = await readGolden(folder, 'generation.safetensors');
    const { ids } = await generate(async (sofar) => (await next.logits([sofar]))[0]!, Array.from(prompt_ids!.data), {
      maxNewTokens: 16,
    });
    expect(ids).toEqual(Array.from(generated_ids!.data));
  });

  it('is found for several texts of other lengths at once, and anew for others', async () => {
    const model = await loadCheckpoint(goldenFolder('qwen3'));
    const [next, alone] = [nextTokens(model), nextTokens(model)];
    const expectAlone = async (texts: number[][]): Promise<void> => {
      const together = await next.logits(texts);
      for (const [row, text] of texts.entries()) {
        expectClose(`row ${row}`, together[row]!, (await alone.logits([text]))[0]!, 1e-4);
      }
    };
    const texts = [[1, 2, 3], [4], [5, 6, 7, 8, 9, 10, 11]];
    for (let step = 0; step < 4; step++) {
      await expectAlone(texts);
      texts.forEach((text, row) => text.push(20 + step + row));
    }
    await expectAlone([[9, 9], [1]]);
    await expectAlone([
      [9, 8, 7],
      [1, 1],
    ]); // as many more, of other texts
  });

  it('is the same of texts that are generated together, some of which end before others', async () => {
    const { architecture, parameters } = await loadCheckpoint(goldenFolder('qwen3'));
    const predictor = new Predictor(executor, architecture, parameters);
    const prompts = [[1, 2, 3], [4], [5, 6, 7, 8, 9, 10, 11], [12, 13]].map((ids, i) => ({
      ids,
      maxNewTokens: 3 + 6 * i,
    }));
    const together = await generateAll((texts) => predictor.nextLogitsOfAll(texts), prompts);
    for (const [i, { ids, maxNewTokens }] of prompts.entries()) {
      const alone = await generate((sofar) => predictor.nextLogits(sofar), ids, { maxNewTokens });
      expect(together[i]!.ids).toEqual(alone.ids);
    }
    await predictor.release();
  });

  it('is asked for by two at once, each of whom gets their own', async () => {
    const model = await loadCheckpoint(goldenFolder('gpt2'));
    const [next, alone] = [nextTokens(model), nextTokens(model)];
    const answers = await Promise.all([[1, 2], [3], [1, 2, 3]].map((text) => next.logits([text])));
    expectClose('first', answers[0]![0]!, (await alone.logits([[1, 2]]))[0]!, 1e-5);
    expectClose('second', answers[1]![0]!, (await alone.logits([[3]]))[0]!, 1e-5);
    expectClose('third', answers[2]![0]!, (await alone.logits([[1, 2, 3]]))[0]!, 1e-5);
  });

  it('is found beyond the model’s positions, too, of as many tokens as it has', async () => {
    const { architecture, parameters } = await loadCheckpoint(goldenFolder('gpt2'));
    const predictor = new Predictor(executor, architecture, parameters);
    const start = Array.from({ length: architecture.maxPositions - 2 }, (_, i) => (7 * i) % 90);
    const { ids } = await generate((sofar) => predictor.nextLogits(sofar), start, { maxNewTokens: 5 });
    const anew = await generate((sofar) => whole(predictor, sofar.slice(-architecture.maxPositions)), start, {
      maxNewTokens: 5,
    });
    expect(ids).toEqual(anew.ids);
    await predictor.release();
  });
});

describeOnEach('the next token of a text that slides', (on) => {
  it('is that of the whole text', async () => {
    const model = await loadCheckpoint(goldenFolder('gemma3_text'));
    const next = nextTokens(model, on());
    const predictor = new Predictor(executor, model.architecture, model.parameters);
    const text = [5, 17, 3, 42, 8];
    for (let step = 0; step < 8; step++) {
      const [logits] = await next.logits([text]);
      expectClose(`logits ${step}`, logits!, await whole(predictor, text), 1e-3);
      // The same text once more.
      if (step % 3 === 1) expectClose(`again ${step}`, (await next.logits([text]))[0]!, logits!, 1e-3);
      text.push(topIndices(logits!, 1)[0]!);
    }
    await next.release();
    await predictor.release();
  });
});
