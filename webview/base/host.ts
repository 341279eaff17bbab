/** @file The page's end of the line to the extension. */

import type { HostMessage, PageMessage, PageState } from '../../src/protocol/panel';

interface VsCodeApi {
  postMessage(message: PageMessage): void;
  getState(): unknown;
  setState(state: PageState): void;
}

declare function acquireVsCodeApi(): VsCodeApi;

/** Speaks with the extension. VS Code gives its interface once, so there is one of these. */
export class Host {
  readonly #api = acquireVsCodeApi();

  post(message: PageMessage): void {
    this.#api.postMessage(message);
  }

  keptState(): unknown {
    return this.#api.getState();
  }

  keepState(state: PageState): void {
    this.#api.setState(state);
  }

  /** Calls back for every message until the returned function is called. */
  listen(receive: (message: HostMessage) => void): () => void {
    const listener = (event: MessageEvent<unknown>): void => {
      if (isHostMessage(event.data)) receive(event.data);
    };
    window.addEventListener('message', listener);
    return () => window.removeEventListener('message', listener);
  }
}

const types: Record<HostMessage['type'], true> = {
  empty: true,
  trust: true,
  runs: true,
  run: true,
  beside: true,
  record: true,
  append: true,
  probes: true,
  probeSteps: true,
  probe: true,
  row: true,
  comparison: true,
  prompts: true,
  completionToken: true,
  completed: true,
  target: true,
  error: true,
};

/** The window also hears messages that are not the extension's, such as those of developer tools. */
function isHostMessage(value: unknown): value is HostMessage {
  return typeof value === 'object' && value !== null && 'type' in value && Object.hasOwn(types, String(value.type));
}
