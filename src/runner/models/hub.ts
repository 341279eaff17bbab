/**
 * @file A Hugging Face hub, or a mirror of one, over HTTP: where it is, who asks it, and what its refusals mean. Environment variables
 * are those of Python's huggingface_hub.
 */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hubCacheFolder, hubHome, variable } from '../../model/local/hub-cache';
import { hubIdText, type HubId } from '../../protocol/hub-id';
import { complaint, ComplaintError, type Complaint } from '../../protocol/problem';

export interface Hub {
  /** Without a slash at its end. */
  address: string;
  /** As a person calls it: `huggingface.co`. */
  host: string;
  /** As Node's own, but rejects with a ComplaintError for whatever is not an answer that was asked for. */
  fetch: typeof fetch;
}

const HUB = 'https://huggingface.co';

/**
 * The hub that the environment names, as it answers about one model.
 * @throws ComplaintError where the environment forbids it, or its address is none
 */
export async function openHub(about: HubId, signal?: AbortSignal, env = process.env): Promise<Hub> {
  const offline = ['HF_HUB_OFFLINE', 'TRANSFORMERS_OFFLINE'].find((name) => isTrue(env[name]));
  if (offline !== undefined)
    throw hubError(complaint('hub-offline', { variable: offline, cache: hubCacheFolder(env) }));
  const address = (variable(env, 'HF_ENDPOINT') ?? HUB).replace(/\/+$/, '');
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (!/^https?:$/.test(url?.protocol ?? '')) throw hubError(complaint('hub-address-wrong', { value: address }));
  const token = await accessToken(env);
  const { host, origin } = url!;
  const send = await fetchOf(env);
  return {
    address,
    host,
    fetch: async (input, init) => {
      const asked = new URL(input instanceof Request ? input.url : input);
      const headers = new Headers(init?.headers);
      // fetch itself takes it away where it is led on to another host.
      if (token !== undefined && asked.origin === origin) headers.set('Authorization', `Bearer ${token}`);
      const response = await send(asked, { ...init, headers, signal: signal ?? null }).catch((error: unknown) => {
        signal?.throwIfAborted();
        throw hubError(complaint('hub-unreachable', { host: asked.host, reason: reasonOf(error) }));
      });
      if (response.ok || response.status === 416) return response;
      await response.body?.cancel();
      throw hubError(refusal(response, about, host, token !== undefined));
    },
  };
}

/** Node's own, or where the environment names a proxy one that goes through it. */
async function fetchOf(env: NodeJS.ProcessEnv): Promise<typeof fetch> {
  // As curl and undici look for them: small letters first.
  const [httpProxy, httpsProxy, noProxy] = ['http_proxy', 'https_proxy', 'no_proxy'].map((name) =>
    variable(env, name, name.toUpperCase()),
  );
  if (httpProxy === undefined && httpsProxy === undefined) return fetch;
  const { EnvHttpProxyAgent, fetch: fetchBy } = await import('undici');
  const named = { httpProxy, httpsProxy, noProxy };
  const dispatcher = new EnvHttpProxyAgent(Object.fromEntries(Object.entries(named).filter(([, value]) => value)));
  // The same interface, of which each has a type of its own.
  return ((asked: URL, init: object) => fetchBy(asked, { ...init, dispatcher })) as unknown as typeof fetch;
}

/** Python's notion of it. */
const isTrue = (value: string | undefined): boolean => /^(1|on|yes|true)$/i.test(value ?? '');

/** Of the environment, or what `hf auth login` has kept. */
async function accessToken(env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const file = variable(env, 'HF_TOKEN_PATH') ?? join(hubHome(env), 'token');
  const given = variable(env, 'HF_TOKEN', 'HUGGING_FACE_HUB_TOKEN') ?? (await readFile(file, 'utf8').catch(() => ''));
  return given.trim() === '' ? undefined : given.trim();
}

/** fetch hides the system's words in a cause. */
export function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  if (!(cause instanceof Error)) return String(cause);
  const { code } = cause as NodeJS.ErrnoException;
  return cause.message === '' ? (code ?? cause.name) : cause.message;
}

/** The hub's own codes come first: it answers 401, not 404, about what it does not show. */
function refusal({ status, headers }: Response, about: HubId, host: string, hasToken: boolean): Complaint {
  const id = hubIdText(about);
  const code = headers.get('X-Error-Code');
  if (code === 'RevisionNotFound') return complaint('hub-revision-unknown', { ...about, host });
  if (code === 'GatedRepo' || status === 403) {
    return complaint(hasToken ? 'hub-access-refused' : 'hub-token-wanted', { id, host });
  }
  if (status === 401 && /invalid credentials/i.test(headers.get('X-Error-Message') ?? '')) {
    return complaint('hub-token-refused', { id, host });
  }
  if (status === 404 || code === 'RepoNotFound') return complaint('hub-model-unknown', { id: about.id, host });
  if (status === 401) return complaint(hasToken ? 'hub-token-refused' : 'hub-token-wanted', { id, host });
  return complaint('hub-refused', { id, host, status });
}

export const hubError = (what: Complaint): ComplaintError => new ComplaintError(what);
