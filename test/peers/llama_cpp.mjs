/**
 * @file What llama.cpp makes of a GGUF file, through node-llama-cpp: `FILE TEXT`, or `FILE` and token ids as JSON. Prints the ids and, after each of them, the
 * logits of all tokens, as float32 in base64.
 */

import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import path from 'node:path';

// Installed beside this file by `npm run peers`, for it is far too large to be a development dependency.
const require = createRequire(path.join(import.meta.dirname, '.llama-cpp', 'package.json'));
const { getLlama } = await import(pathToFileURL(require.resolve('node-llama-cpp')).href);

const [file, input] = process.argv.slice(2);
const llama = await getLlama({ gpu: false, build: 'never', logLevel: 'error', progressLogs: false });
const model = await llama.loadModel({ modelPath: file });
const ids = input.startsWith('[') ? JSON.parse(input) : model.tokenize(input, true);
// Keys and values as float32, too: float16 is what it keeps them in otherwise.
const exact = { experimentalKvCacheKeyType: 'F32', experimentalKvCacheValueType: 'F32' };
const context = await model.createContext({ contextSize: 256, threads: 2, flashAttention: false, ...exact });
const outputs = await context
  .getSequence()
  .controlledEvaluate(ids.map((id) => [id, { generateNext: { logits: true } }]));
const logits = outputs.map(({ next }) => {
  const values = new Float32Array(next.logits.size);
  for (const [id, value] of next.logits) values[id] = value;
  return Buffer.from(values.buffer).toString('base64');
});
process.stdout.write(JSON.stringify({ ids: [...ids], logits }), () => process.exit(0));
