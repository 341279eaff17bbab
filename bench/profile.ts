/** @file How long our side takes to begin, and where its steps spend their time. Usage: profile.js FOLDER [STEPS]; writes JSON. */

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { InferenceSession } from 'onnxruntime-node';
import type { Executor } from '../src/engine/executor';
import type { Program } from '../src/engine/program';
import { createCpuExecutor } from '../src/engine/onnxruntime';
import { batchInputs } from '../src/distill/batch-inputs';
import { decaysByDefault } from '../src/distill/optimizer';
import { gradientsProgram, teacherProgram, trainedSpecs } from '../src/distill/programs';
import { updateProgram } from '../src/distill/update-programs';
import { createTrainer, readDistillation, type Distillation } from './ours';
import { timeByOperator, type OperatorTime, type ProfileEvent } from './operators';

/** Steps that warm up and are not counted. */
const SKIPPED = 2;

export interface Profile {
  /** Of the first recording in a new process, in which nothing is compiled yet. */
  recordMilliseconds: number;
  /** Sessions made of the recorded graphs, onnxruntime's optimizations included. */
  loadMilliseconds: number;
  /** Recorded, by graph. */
  nodes: Record<string, number>;
  /** Of a step while profiled. */
  stepMilliseconds: number;
  graphs: string[];
  operators: OperatorTime[];
}

async function main(folder: string, steps: number): Promise<void> {
  const distillation = await readDistillation(folder);
  const executor = await createCpuExecutor({ threads: distillation.setup.threads });
  const profile: Profile = {
    ...(await startup(distillation, executor)),
    ...(await profiled(distillation, executor, steps, folder)),
  };
  process.stdout.write(JSON.stringify(profile));
}

async function startup(
  { setup, pairing, batches }: Distillation,
  executor: Executor,
): Promise<Pick<Profile, 'recordMilliseconds' | 'loadMilliseconds' | 'nodes'>> {
  const { shape } = batchInputs(batches[0]!, setup.task);
  const adamw = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: setup.weightDecay, decays: decaysByDefault };
  const started = performance.now();
  const programs: Program[] = [
    teacherProgram(pairing, shape),
    gradientsProgram(pairing, shape),
    updateProgram(trainedSpecs(pairing), adamw),
  ];
  const recorded = performance.now();
  const loaded = await Promise.all(programs.map((program) => executor.load(program)));
  const loadMilliseconds = performance.now() - recorded;
  for (const program of loaded) await program.release();
  return {
    recordMilliseconds: recorded - started,
    loadMilliseconds,
    nodes: Object.fromEntries(programs.map(({ graph }) => [graph.name, graph.nodes.length])),
  };
}

async function profiled(
  distillation: Distillation,
  executor: Executor,
  steps: number,
  folder: string,
): Promise<Pick<Profile, 'stepMilliseconds' | 'graphs' | 'operators'>> {
  const { executor: profiling, finish } = withProfiles(executor, folder);
  const trainer = createTrainer(distillation, profiling);
  for (let step = 0; step < SKIPPED; step++) await trainer.step();
  const started = performance.now();
  for (let step = 0; step < steps; step++) await trainer.step();
  const stepMilliseconds = (performance.now() - started) / steps;
  const profiles = await finish();
  return {
    stepMilliseconds,
    graphs: profiles.map(({ graph }) => graph),
    operators: timeByOperator(
      profiles.map(({ events }) => events),
      SKIPPED,
    ),
  };
}

interface ProfiledSession {
  graph: string;
  prefix: string;
  session: InferenceSession;
}

/** The executor, but that each session it makes is profiled into a file of the folder, until `finish` reads them. */
function withProfiles(
  executor: Executor,
  folder: string,
): { executor: Executor; finish: () => Promise<{ graph: string; events: ProfileEvent[] }[]> } {
  const sessions: ProfiledSession[] = [];
  return {
    executor: {
      ...executor,
      load: (program, frozen) => {
        const { name } = program.graph;
        const prefix = `profile-${name}`;
        // The product has no use for profiles, so its options are amended on their way to onnxruntime.
        const create = InferenceSession.create.bind(InferenceSession);
        const createProfiled = async (
          model: Uint8Array,
          options: InferenceSession.SessionOptions,
        ): Promise<InferenceSession> => {
          Object.assign(InferenceSession, { create });
          const profileFilePrefix = join(folder, prefix);
          const session = await create(model, { ...options, enableProfiling: true, profileFilePrefix });
          sessions.push({ graph: name, prefix, session });
          return session;
        };
        Object.assign(InferenceSession, { create: createProfiled });
        return executor.load(program, frozen);
      },
    },
    finish: () =>
      Promise.all(sessions.map(async (session) => ({ graph: session.graph, events: await events(folder, session) }))),
  };
}

/** onnxruntime adds a date to the name of the file. */
async function events(folder: string, { prefix, session }: ProfiledSession): Promise<ProfileEvent[]> {
  session.endProfiling();
  const file = (await readdir(folder)).find((name) => name.startsWith(`${prefix}_`));
  if (!file) throw new Error(`onnxruntime wrote no ${prefix}_….json`);
  return JSON.parse(await readFile(join(folder, file), 'utf8')) as ProfileEvent[];
}

void main(process.argv[2]!, Number(process.argv[3] ?? 5));
