/**
 * @file What `inspect`, `complete` and `validate` say, asked in this process: starting the program takes ten times as long as its answer. That a command line
 * comes to these functions is tested by starting it (`run.test.ts`, `input.test.ts`).
 */

import { validateExperimentFile } from '../../src/experiment/checks/validate';
import type { CompleteResult, InspectResult } from '../../src/protocol/inspection-records';
import { complete } from '../../src/runner/commands/complete';
import { inspect, type InspectOptions } from '../../src/runner/commands/inspect';

/** As a reader of the document has it. */
const asDocument = <T>(result: T): T => JSON.parse(JSON.stringify(result)) as T;

export async function inspected(target: string, asked: Partial<InspectOptions>): Promise<InspectResult> {
  return asDocument(await inspect(target, { engine: 'auto', temperature: 1, top: 10, ...asked }));
}

export async function completed(target: string, prompt: string, maxNewTokens: number): Promise<CompleteResult> {
  return asDocument(await complete(target, { engine: 'auto', prompt, maxNewTokens }));
}

/** The codes of an experiment file's errors. */
export async function errorsOf(file: string): Promise<string[]> {
  const problems = await validateExperimentFile(file);
  return problems.filter(({ severity }) => severity === 'error').map(({ code }) => code);
}

/** Logits as `textLogits` gives them. */
export function floatsIn(base64: string): Float32Array {
  return new Float32Array(Uint8Array.from(Buffer.from(base64, 'base64')).buffer);
}
