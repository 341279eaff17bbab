/** @file What one may ask a running runner, over JSON-RPC 2.0 (vscode-jsonrpc) on the socket named in `run.json`. */

/** Method name → parameters and result. Every run answers all of them; a failed request rejects with its message. */
export interface RunnerRequests {
  /** Writes a checkpoint, ends with status `stopped`; the run can be resumed. Resolves when the checkpoint is on disk. */
  stop: { params: undefined; result: null };
  /** Holds the run before its next step. */
  pause: { params: undefined; result: null };
  /** Goes on after `pause`. */
  continue: { params: undefined; result: null };
}

export type RunnerMethod = keyof RunnerRequests;
