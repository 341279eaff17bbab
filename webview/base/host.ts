/** @file The page's end of the line to the extension. */

import type { LabMethod, ParamsOf, ProgressOf, ResultOf } from '../../src/protocol/lab-requests';
import { isHostMessage, type HostEvent, type PageState } from '../../src/protocol/panel';
import { Asker, type PageRequest } from '../../src/protocol/request-line';

interface VsCodeApi {
  postMessage(message: PageRequest): void;
  getState(): unknown;
  setState(state: PageState): void;
}

declare function acquireVsCodeApi(): VsCodeApi;

/** VS Code gives its interface once. */
const api = acquireVsCodeApi();
const asker = new Asker((request) => api.postMessage(request));
const listeners = new Set<(event: HostEvent) => void>();

window.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
  if (!isHostMessage(data)) return;
  if (data.type === 'progress' || data.type === 'answer' || data.type === 'failure') asker.receive(data);
  else for (const listener of listeners) listener(data);
});

/** Asks the extension. Rejects with a RequestError; a component asks by `Asking`, which shows it. */
export function ask<M extends LabMethod>(
  method: M,
  params: ParamsOf<M>,
  onProgress?: (value: ProgressOf<M>) => void,
): Promise<ResultOf<M>> {
  return asker.ask(method, params, onProgress);
}

/** Calls back for what the extension tells unasked, until the returned function is called. */
export function listen(receive: (event: HostEvent) => void): () => void {
  listeners.add(receive);
  return () => listeners.delete(receive);
}

export function keptState(): unknown {
  return api.getState();
}

export function keepState(state: PageState): void {
  api.setState(state);
}
