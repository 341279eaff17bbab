/** @file A teacher behind a server, as it is called and named. */

import type { EndpointSpec } from './file/schema';

/** `MODEL at HOST`. */
export const nameOfEndpoint = ({ model, url }: Pick<EndpointSpec, 'model' | 'url'>): string =>
  `${model} at ${new URL(url).host}`;
