/**
 * @file Tokens a second of a text that is continued: with keys and values of earlier tokens kept, and with every token computed anew for each. Usage:
 * generation.js [ENGINE[/PRECISION] ...]; writes bench/GENERATION.md.
 */

import { writeFileSync } from 'node:fs';
import os from 'node:os';
import { NextTokens } from '../src/distill/evaluation/next-tokens';
import { mapValues, prefixed } from '../src/distill/named';
import { parameterSpecs } from '../src/distill/specs';
import { placeParameters } from '../src/distill/teacher/teacher';
import { openExecutor, type Engine } from '../src/engine/engines';
import type { LoadedProgram } from '../src/engine/executor';
import { createArchitecture, parameterCount } from '../src/model/layouts/config';
import { initializeParameters, type FrozenParameters, type Model } from '../src/model/parameters';
import { topIndices } from '../src/protocol/distribution';
import type { Precision } from '../src/protocol/engines';
import { encodeBfloat16 } from '../src/protocol/float16';
import type { HostTensor } from '../src/engine/array';
import { computesBfloat16 } from './processor';

const PROMPT = 16;
const NEW = 128;
/** Of which the programs are loaded: both ways go through the same ones again. */
const WARM = 2;

const shared = { head: 'causal-lm', layers: 12, maxPositions: 256 } as const;
const models = {
  'Llama, width 256': createArchitecture({
    ...shared,
    family: 'llama',
    hiddenSize: 256,
    heads: 4,
    keyValueHeads: 2,
    vocabularySize: 8192,
    tieWordEmbeddings: true,
  }),
  'GPT-2, width 768': createArchitecture({
    ...shared,
    family: 'gpt2',
    hiddenSize: 768,
    heads: 12,
    vocabularySize: 50_257,
  }),
};

/** Tokens a second. */
interface Rates {
  kept: number;
  anew: number;
  batch: number;
}

/** Texts at once. */
const TOGETHER = 8;

/** Bytes a second that a copy of more memory than any cache holds moves, read and written. */
function readingRate(): number {
  const numbers = new Float64Array(2 ** 26);
  let best = 0;
  for (let round = 0; round < 3; round++) {
    const began = performance.now();
    numbers.copyWithin(0, 2 ** 25);
    best = Math.max(best, 2 ** 29 / ((performance.now() - began) / 1000));
  }
  return best;
}

/** As a checkpoint in bfloat16 has them: matrices so, vectors in float32. */
function asBfloat16({ architecture, parameters }: Model): FrozenParameters {
  const specs = parameterSpecs(architecture);
  return mapValues(parameters, (values, name) => (specs[name]!.shape.length === 2 ? encodeBfloat16(values) : values));
}

async function measure(engine: Engine, precision: Precision, model: Model): Promise<Rates> {
  const executor = await openExecutor(engine, { precision });
  const { architecture } = model;
  const programs = new Map<string, Promise<LoadedProgram>>();
  const weights = precision === 'bfloat16' ? asBfloat16(model) : model.parameters;
  const parameters = prefixed('model.', placeParameters(executor, parameterSpecs(architecture), weights));
  const next = new NextTokens({
    architecture,
    parameters,
    place: (tensor: HostTensor) => executor.place(tensor),
    load: (name, program) => {
      const loaded = programs.get(name) ?? executor.load(program());
      programs.set(name, loaded);
      return loaded;
    },
  });
  const prompts = (count: number): number[][] =>
    Array.from({ length: count }, (_, row) => Array.from({ length: PROMPT }, (_, i) => (37 * row + 11 * i) % 8000));

  /** Tokens a second. @param again whether what was kept is thrown away before each token */
  const rate = async (count: number, again: boolean): Promise<number> => {
    let best = 0;
    for (let round = 0; round < WARM; round++) {
      const texts = prompts(count);
      let seconds = 0;
      for (let token = 0; token < NEW; token++) {
        // The same texts once more are no longer ones.
        if (again && token > 0) await next.logits(texts.map(() => [1]));
        const began = performance.now();
        const logits = await next.logits(texts);
        seconds += (performance.now() - began) / 1000;
        texts.forEach((text, row) => text.push(topIndices(logits[row]!, 1)[0]!));
      }
      best = Math.max(best, (count * NEW) / seconds);
    }
    return best;
  };
  const rates = { kept: await rate(1, false), anew: await rate(1, true), batch: await rate(TOGETHER, false) };
  await next.release();
  for (const program of programs.values()) await (await program).release();
  return rates;
}

/** @param sides engines, with their precision after a slash where that is not float32: `openvino/bfloat16` */
async function main(sides: string[]): Promise<void> {
  const rows: string[] = [];
  const bandwidth = readingRate();
  for (const side of sides) {
    const [engine, precision = 'float32'] = side.split('/') as [Engine, Precision?];
    for (const [name, architecture] of Object.entries(models)) {
      const { kept, anew, batch } = await measure(engine, precision, {
        architecture,
        parameters: initializeParameters(architecture, 1),
      });
      const size = `${(parameterCount(architecture) / 1e6).toFixed(0)} M`;
      // Of one text a token reads every weight, of several a step does.
      const bytes = (precision === 'bfloat16' ? 2 : 4) * parameterCount(architecture);
      const figures = [anew, kept, batch].map((rate) => rate.toFixed(rate < 100 ? 1 : 0));
      const gains = [kept, batch].map((rate) => (rate / anew).toFixed(1));
      const shares = [kept, batch / TOGETHER].map((steps) => `${((100 * steps * bytes) / bandwidth).toFixed(0)} %`);
      rows.push(`| ${name}, ${size} | ${side} | ${[...figures, ...gains, ...shares].join(' | ')} |`);
      console.log(rows.at(-1));
    }
  }
  const text = `# Tokens a second of a text that is continued

${NEW} tokens after ${PROMPT}, greedily, twelve blocks; the better of two rounds. *Anew*: every token of the text computed for each new one, as until November 2026. *Kept*: keys and values of earlier tokens kept. *Read*: the share of this machine's memory bandwidth (${(bandwidth / 1e9).toFixed(0)} GB/s, by a copy on one core) that reading the weights once a step takes; a step that is near 100 % is bound by memory, and one above it is read by more than one core or from the caches. \`npm run bench -- generation\` repeats it.
${os.cpus().length} processors: ${os.cpus()[0]?.model ?? 'unknown'}.

| model | engine | anew | kept | kept, ${TOGETHER} texts at once | kept / anew | ${TOGETHER} texts / anew | read, one text | read, ${TOGETHER} texts |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
${rows.join('\n')}
`;
  writeFileSync('bench/GENERATION.md', text);
}

const sides = process.argv.slice(2);
void main(sides.length > 0 ? sides : ['cpu', 'openvino', ...(computesBfloat16() ? ['openvino/bfloat16'] : [])]);
