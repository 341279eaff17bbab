/** @file Sessions of onnxruntime by what they were made of, for runs that follow one another in a process and make the same ones. */

import { createHash } from 'node:crypto';
import type { InferenceSession } from 'onnxruntime-node';

type Options = Omit<InferenceSession.SessionOptions, 'externalData'> & {
  externalData?: readonly { data: Uint8Array }[];
};

/** What of the library is replaced. */
interface Library {
  InferenceSession: { create: unknown };
}

const sessions = new Map<string, Promise<InferenceSession>>();

/** Models that are larger have weights in them, and are not met again. */
const MOST_BYTES = 1e6;

/**
 * From now on a model that was loaded with the same settings is not compiled again; a session holds nothing between two runs but its graph. Its
 * release does nothing.
 * @returns what ends that
 */
export function shareSessions(library: object): () => void {
  const maker = (library as Library).InferenceSession;
  const { create } = maker;
  const make = (create as (model: Uint8Array, options?: Options) => Promise<InferenceSession>).bind(maker);
  const shared = async (model: Uint8Array, options: Options = {}): Promise<InferenceSession> => {
    const { externalData = [], ...settings } = options;
    const bytes = externalData.reduce((sum, { data }) => sum + data.length, model.length);
    if (typeof model === 'string' || bytes > MOST_BYTES) return make(model, options);
    const hash = createHash('sha1').update(JSON.stringify(settings)).update(model);
    for (const { data } of externalData) hash.update(data);
    const key = hash.digest('hex');
    const session = sessions.get(key) ?? make(model, options).then(kept);
    sessions.set(key, session);
    // What does not load is tried again.
    session.catch(() => sessions.delete(key));
    return session;
  };
  maker.create = shared;
  return () => {
    maker.create = create;
  };
}

function kept(session: InferenceSession): InferenceSession {
  session.release = () => Promise.resolve();
  return session;
}
