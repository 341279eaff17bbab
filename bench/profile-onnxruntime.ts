/** @file Profiles the sessions of the onnxruntime executor. */

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { InferenceSession } from 'onnxruntime-node';
import type { Executor, LoadedProgram } from '../src/engine/executor';
import type { KernelTime, ProfiledGraph, Profiling } from './operators';

/** One entry of the JSON that onnxruntime writes; times in microseconds. */
export interface ProfileEvent {
  cat: string;
  name: string;
  ts: number;
  dur: number;
  args?: { op_name?: string };
}

interface ProfiledSession {
  graph: string;
  prefix: string;
  session: InferenceSession;
  /** Its runs before the profile began. */
  skipped: number;
  runs: number;
}

type Create = typeof InferenceSession.create;

/** The executor, but that each session it makes is profiled into a file of the folder, until `finish` reads them. */
export function profileOnnxruntime(executor: Executor, folder: string): Profiling {
  const create = InferenceSession.create.bind(InferenceSession);
  const sessions: ProfiledSession[] = [];
  let queue: Promise<unknown> = Promise.resolve();

  // The product has no use for profiles, so its options are amended on their way to onnxruntime; one program at a time.
  const loadProfiled: Executor['load'] = async (program, frozen) => {
    /** Of a program in two parts two. */
    const made: ProfiledSession[] = [];
    const createProfiled = async (model: Uint8Array, options: object): Promise<InferenceSession> => {
      const prefix = `profile-${sessions.length}`;
      const session = await create(model, {
        ...options,
        enableProfiling: true,
        profileFilePrefix: join(folder, prefix),
      });
      const profiled = { graph: program.graph.name, prefix, session, skipped: 0, runs: 0 };
      sessions.push(profiled);
      made.push(profiled);
      return session;
    };
    Object.assign(InferenceSession, { create: createProfiled as Create });
    const loaded = await executor.load(program, frozen).finally(() => Object.assign(InferenceSession, { create }));
    return counted(loaded, made);
  };

  return {
    executor: {
      ...executor,
      load: (program, frozen) => {
        const loaded = queue.then(() => loadProfiled(program, frozen));
        queue = loaded;
        return loaded;
      },
    },
    start: () => {
      for (const session of sessions) session.skipped = session.runs;
    },
    finish: () =>
      Promise.all(
        sessions.map(async (session) => profiledGraph(session.graph, await events(folder, session), session.skipped)),
      ),
  };
}

function counted(loaded: LoadedProgram, sessions: readonly ProfiledSession[]): LoadedProgram {
  return {
    graph: loaded.graph,
    release: () => loaded.release(),
    run: (inputs, into) => {
      for (const session of sessions) session.runs++;
      return loaded.run(inputs, into);
    },
  };
}

/** The kernels of a graph's runs but the first ones, which warm up. */
export function profiledGraph(graph: string, events: readonly ProfileEvent[], skipped: number): ProfiledGraph {
  const starts = events.filter(({ name }) => name === 'model_run').map(({ ts }) => ts);
  const begin = starts.sort((a, b) => a - b)[skipped];
  if (begin === undefined) throw new Error(`a profile of ${starts.length} runs, of which ${skipped} are left out`);
  const kernels = events
    .filter(({ cat, name, ts }) => cat === 'Node' && name.endsWith('_kernel_time') && ts >= begin)
    .map(({ name, dur, args }): KernelTime => ({ operator: args?.op_name ?? name, milliseconds: dur / 1000 }));
  return { graph, kernels };
}

/** onnxruntime adds a date to the name of the file. */
async function events(folder: string, { prefix, session }: ProfiledSession): Promise<ProfileEvent[]> {
  session.endProfiling();
  const file = (await readdir(folder)).find((name) => name.startsWith(`${prefix}_`));
  if (!file) throw new Error(`onnxruntime wrote no ${prefix}_….json`);
  return JSON.parse(await readFile(join(folder, file), 'utf8')) as ProfileEvent[];
}
