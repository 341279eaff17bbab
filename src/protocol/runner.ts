/**
 * @file What one may ask the product's processes over JSON-RPC 2.0 (vscode-jsonrpc): a run, on the socket named in its
 * `run.json`, and `distillery serve`, on its standard input and output.
 */

import type { Complaint, Problem } from './problem';
import type { StudentFigures } from './student-presets';
import type {
  CompleteResult,
  InspectedDistribution,
  InspectResult,
  ProbeExample,
  TokenProbability,
} from './inspection-records';
import type { Label } from './records';

/**
 * Why something could not be done: what a verb with `--json` prints in place of its document, and the data of a JSON-RPC error. The
 * problems of an input have places, anything else is one error.
 */
export type Failure = { problems: readonly Problem[] } | { error: Complaint };

/** Method name → parameters and result. Every run answers all of them; a failed request rejects with a `Failure` as its data. */
export interface RunnerRequests {
  /** Writes a checkpoint, ends with status `stopped`; the run can be resumed. Resolves when the checkpoint is on disk. */
  stop: { params: undefined; result: null };
  /** Holds the run before its next step. */
  pause: { params: undefined; result: null };
  /** Goes on after `pause`. */
  continue: { params: undefined; result: null };
  /** Does not wait any longer for the device: trains beside who has it. Nothing where it does not wait. */
  runNow: { params: undefined; result: null };
  /** Brings what its processes on another host have said so far into the run directory. Nothing where they are here. */
  logs: { params: undefined; result: null };
}

export type RunnerMethod = keyof RunnerRequests;

/**
 * What `distillery serve` answers, several at a time. It keeps the models of the latest targets loaded, and ends with its
 * standard input. A request is cancelled as vscode-jsonrpc does it (`$/cancelRequest`, by a CancellationToken); it then
 * rejects with the code `requestCancelled`, at the latest after the text or token that is being computed.
 */
export interface ServeRequests {
  inspect: { params: InspectParams; result: InspectedText[] };
  complete: { params: CompleteParams; result: CompleteResult };
  score: { params: ScoreParams; result: ScoreResult };
  logits: { params: LogitsParams; result: LogitsResult };
  validate: { params: ValidateParams; result: Problem[] };
  students: { params: StudentsParams; result: StudentFigures[] };
}

/** RequestCancelled of the Language Server Protocol, and so of vscode-jsonrpc's `$/cancelRequest`. */
export const requestCancelled = -32800;

export type ServeMethod = keyof ServeRequests;

export interface InspectParams {
  /** A run's directory, `RUN/controls/NAME`, or a model's folder, as an absolute path. */
  target: string;
  texts: TextToInspect[];
  /** Divides the logits of both models. */
  temperature: number;
  /** Tokens or classes listed of each distribution. */
  top: number;
}

export interface TextToInspect {
  text: string;
  pair?: string | undefined;
  /** causal-lm: conditions the text and is not counted. */
  prompt?: string | undefined;
  /** text-classification: the hard label. */
  label?: Label | undefined;
  /** token-classification: the text's words, of which `text` has a space between each; seen from that where left out. And the tag of each. */
  words?: readonly string[] | undefined;
  tags?: readonly string[] | undefined;
}

/** In the order of the texts asked for. A text that cannot be inspected, an empty one for example, says why. */
export type InspectedText = InspectResult | { problem: Complaint };

export interface CompleteParams {
  target: string;
  prompt: string;
  maxNewTokens: number;
  /** Absent: always the most probable token. */
  sampling?: SamplingParams | undefined;
  /** Both where absent. */
  roles?: CompletionRole[] | undefined;
  /** With it, each new token is told at once: a `CompletionProgress` by `$/progress` with this token. */
  progress?: number | string | undefined;
}

export type CompletionRole = 'teacher' | 'student';

export interface SamplingParams {
  /** Sampling temperature: below 1 sharper, above 1 flatter. */
  temperature: number;
  topK?: number | undefined;
  topP?: number | undefined;
  seed: number;
}

/** Tokens listed of what a model expected in a completion. */
export const mostExpected = 10;

/** A token more of a completion. */
export interface CompletionProgress {
  role: CompletionRole;
  token: TokenProbability;
  /** What the model expected in the token's place, T = 1: its first `mostExpected` tokens. */
  expected: InspectedDistribution;
  /** The completion so far; the last character may still change where a token holds a part of it. */
  text: string;
}

/** Asks what the models expected at each token of a completion that is already there. */
export interface ScoreParams {
  target: string;
  prompt: string;
  /** The completion's tokens. */
  ids: number[];
  /** Tokens listed of each distribution, T = 1. */
  top: number;
}

export interface ScoreResult {
  /** One for each of the ids; the token itself is the hard label. */
  expected: { teacher?: InspectedDistribution | undefined; student?: InspectedDistribution | undefined }[];
}

/** Asks for the logits of one text, as `probes/` holds those of the pinned examples. */
export interface LogitsParams {
  target: string;
  text: TextToInspect;
}

/** Asks what is wrong with an experiment and the files that it names. */
interface ValidateParams {
  /** Its absolute path. */
  file: string;
  /** As an editor has it; absent: as it is on disk. */
  text?: string | undefined;
}

/** Asks which students the teacher of an experiment allows, whatever its text says of its student. */
interface StudentsParams {
  /** Its absolute path. */
  file: string;
  /** As an editor has it. */
  text: string;
}

export interface LogitsResult {
  /** Where there is a large vocabulary, only its first counted positions have logits. */
  example: Omit<ProbeExample, 'file' | 'line'>;
  /** Logits [positions, names] as base64 of little-endian float32. */
  teacher?: string | undefined;
  student?: string | undefined;
}

/** Environment variable by which the editor tells the runner which servers it may ask for a teacher: JSON, by origin, `{"key": …}` each, or `{}`. */
export const ENDPOINTS_VARIABLE = 'DISTILLERY_ENDPOINTS';
