/** @file Which providers, onnxruntime's ways to compute, its package has for this machine. */

import { complaint } from '../../protocol/problem';
import { EngineUnavailable } from '../executor';
import type { Runtime } from './ort-session';

/** Throws an EngineUnavailable where onnxruntime for Node is without a provider here; `where` says where it is with it. */
export function expectProvider(ort: Runtime, engine: string, provider: string, where: string): void {
  if (ort.listSupportedBackends().some(({ name }) => name === provider)) return;
  throw new EngineUnavailable(
    engine,
    complaint('provider-not-offered', { engine, platform: `${process.platform}-${process.arch}`, where }),
  );
}
