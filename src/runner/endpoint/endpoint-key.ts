/**
 * @file Which server may be asked, and with which key. On the command line whoever starts a run has chosen its server, and the file names an
 * environment variable that has the key. The editor asks a person first, and tells the runner in DISTILLERY_ENDPOINTS which servers that was
 * for: JSON, by origin (`https://host:port`), each with its key where it has one.
 */

import type { EndpointSpec } from '../../experiment/file/schema';
import { complaint, ComplaintError } from '../../protocol/problem';
import { ENDPOINTS_VARIABLE } from '../../protocol/runner';

/**
 * Undefined where there is none.
 * @throws ComplaintError where the editor has started the run and nobody has agreed to this server
 */
export function endpointKey(
  { url, apiKeyVariable }: Pick<EndpointSpec, 'url' | 'apiKeyVariable'>,
  env: NodeJS.ProcessEnv,
): string | undefined {
  const { origin, host } = new URL(url);
  const agreed = env[ENDPOINTS_VARIABLE];
  const own = apiKeyVariable === undefined ? undefined : env[apiKeyVariable];
  const given = own === undefined || own.trim() === '' ? undefined : own.trim();
  if (agreed === undefined) return given;
  const endpoints = JSON.parse(agreed) as Partial<Record<string, { key?: string }>>;
  const endpoint = Object.hasOwn(endpoints, origin) ? endpoints[origin] : undefined;
  if (!endpoint) throw new ComplaintError(complaint('endpoint-not-agreed', { host }));
  return endpoint.key ?? given;
}
