/**
 * @file Which server may be asked, and with which key. On the command line whoever starts a run has chosen its server; no file names a key, for a
 * stranger's could send it elsewhere. The editor asks a person first, and tells the runner in DISTILLERY_ENDPOINTS which servers that was for:
 * JSON, by origin (`https://host:port`), each with its key where it has one.
 */

import { complaint, ComplaintError } from '../../protocol/problem';
import { ENDPOINTS_VARIABLE } from '../../protocol/runner';

/** Environment variable with the keys of servers: `host=key`, or `host:port=key` as the address has it, with commas or spaces between them. */
const KEYS_VARIABLE = 'DISTILLERY_API_KEYS';

/**
 * Undefined where there is none for this server.
 * @throws ComplaintError where the editor has started the run and nobody has agreed to this server
 */
export function endpointKey(url: string, env: NodeJS.ProcessEnv): string | undefined {
  const { origin, host } = new URL(url);
  const given = keyIn(env[KEYS_VARIABLE] ?? '', host);
  const agreed = env[ENDPOINTS_VARIABLE];
  if (agreed === undefined) return given;
  const endpoints = JSON.parse(agreed) as Partial<Record<string, { key?: string }>>;
  const endpoint = Object.hasOwn(endpoints, origin) ? endpoints[origin] : undefined;
  if (!endpoint) throw new ComplaintError(complaint('endpoint-not-agreed', { host }));
  return endpoint.key ?? given;
}

function keyIn(keys: string, host: string): string | undefined {
  const own = keys.split(/[\s,]+/).find((entry) => entry.startsWith(`${host}=`));
  const key = own?.slice(host.length + 1);
  return key === '' ? undefined : key;
}
