/** @file `serve`: answers ServeRequests on standard input and output, the models kept loaded between them. */

import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import {
  createMessageConnection,
  ProgressType,
  ResponseError,
  StreamMessageReader,
  StreamMessageWriter,
  type CancellationToken,
  type MessageConnection,
} from 'vscode-jsonrpc/node';
import { validateExperiment, validateExperimentFile } from '../../experiment/checks/validate';
import { parseExperiment } from '../../experiment/file/parse';
import { complaintOf, InputError } from '../../protocol/problem';
import {
  requestCancelled,
  type CompleteParams,
  type CompletionProgress,
  type InspectedText,
  type InspectParams,
  type ServeMethod,
  type ServeRequests,
  type TextToInspect,
} from '../../protocol/runner';
import { inspectionResult, logitsOf } from '../serve/inspection';
import { inputOfText, tokenizerOf } from '../serve/inspection-input';
import { openForAnswers } from '../devices/open-engine';
import { rejection } from '../serve/failure';
import { SAMPLE_BYTES } from '../../dataset/dataset';
import { LoadedTargets } from '../serve/loaded-targets';
import type { TargetModels } from '../serve/targets';
import { completeWith } from './complete';
import { proposedStudents } from './student';
import { textLogits } from '../serve/text-logits';
import { score } from '../serve/score';

/** Resolves when the input has ended. */
export async function serve(input: Readable = process.stdin, output: Writable = process.stdout): Promise<void> {
  const reader = new StreamMessageReader(input);
  // Its timer would keep the process where the input ends within a message.
  reader.partialMessageTimeout = 0;
  const connection = createMessageConnection(reader, new StreamMessageWriter(output));
  const targets = new LoadedTargets(() => openForAnswers('auto'));
  answer(connection, 'inspect', (params, token) => targets.use(params.target, (it) => inspectAll(it, params, token)));
  answer(connection, 'complete', (params, token) =>
    targets.use(params.target, (it) => completeStreaming(it, params, token, connection)),
  );
  answer(connection, 'score', (params) => targets.use(params.target, (it) => score(it, params)));
  answer(connection, 'logits', (params) => targets.use(params.target, (it) => textLogits(it, params)));
  // A person who writes waits for the answer.
  const inPart = { mostBytes: SAMPLE_BYTES };
  answer(connection, 'validate', ({ file, text }) =>
    text === undefined ? validateExperimentFile(file, inPart) : validateExperiment(parseExperiment(text, file), inPart),
  );
  answer(connection, 'students', ({ file, text }) => proposedStudents(file, text, inPart));
  connection.listen();
  await Promise.race([once(input, 'end'), once(input, 'close')]);
  connection.dispose();
}

type Handler<M extends ServeMethod> = (
  params: ServeRequests[M]['params'],
  token: CancellationToken,
) => Promise<ServeRequests[M]['result']>;

function answer<M extends ServeMethod>(connection: MessageConnection, method: M, handle: Handler<M>): void {
  connection.onRequest(method, (params: ServeRequests[M]['params'], token: CancellationToken) =>
    handle(params, token).catch(rejection),
  );
}

async function inspectAll(
  target: TargetModels,
  params: InspectParams,
  token: CancellationToken,
): Promise<InspectedText[]> {
  const results: InspectedText[] = [];
  for (const text of params.texts) {
    await throwIfCancelled(token);
    results.push(await inspectOne(target, text, params));
  }
  return results;
}

async function inspectOne(target: TargetModels, text: TextToInspect, params: InspectParams): Promise<InspectedText> {
  const tokenizer = tokenizerOf(params.target, target);
  try {
    const input = inputOfText(target, tokenizer, text, { file: '', line: 1 });
    return inspectionResult(target, input, await logitsOf(target, input), params);
  } catch (error) {
    if (error instanceof InputError) return { problem: complaintOf(error) };
    throw error;
  }
}

function completeStreaming(
  target: TargetModels,
  { target: name, progress, ...options }: CompleteParams,
  token: CancellationToken,
  connection: MessageConnection,
): ReturnType<typeof completeWith> {
  return completeWith(target, name, options, async (sofar) => {
    if (progress !== undefined) await connection.sendProgress(new ProgressType<CompletionProgress>(), progress, sofar);
    await throwIfCancelled(token);
  });
}

/** Lets messages in first, among which the cancellation may be. */
async function throwIfCancelled(token: CancellationToken): Promise<void> {
  await new Promise(setImmediate);
  if (token.isCancellationRequested) throw new ResponseError(requestCancelled, 'The request was cancelled.');
}
