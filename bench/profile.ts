/** @file How long our side takes to begin, and where its steps spend their time. Usage: profile.js FOLDER ENGINE PRECISION STEPS; writes JSON. */

import type { ExecutorOptions, Executor } from '../src/engine/executor';
import { sizeOf } from '../src/engine/array';
import { openExecutor, type Engine } from '../src/engine/engines';
import type { Precision } from '../src/protocol/engines';
import type { Program } from '../src/engine/graph/program';
import { batchInputs } from '../src/distill/batch-inputs';
import { decaysByDefault } from '../src/distill/training/optimizer';
import { gradientsProgram } from '../src/distill/training/gradients-program';
import { teacherProgram } from '../src/distill/teacher/teacher-program';
import { trainedSpecs } from '../src/distill/specs';
import { imitatedOf } from '../src/distill/pairing';
import { layOut } from '../src/distill/training/tensor-group';
import { squaresProgram, updateProgram } from '../src/distill/training/update-programs';
import { createTrainer, readDistillation, type Distillation } from './ours';
import { operationsOf } from '../src/engine/graph/operations';
import { graphNames, timeByOperator, type OperatorTime, type Profiling } from './operators';
import { profileOnnxruntime } from './profile-onnxruntime';
import { profileOpenVino } from './profile-openvino';

/** Steps that warm up and are not counted. */
const SKIPPED = 2;

export interface Profile {
  /** Of the first recording in a new process, in which nothing is compiled yet. */
  recordMilliseconds: number;
  /** The recorded graphs handed to the engine, its optimizations included, which it has not met before. */
  loadMilliseconds: number;
  /** The same again, with what the engine has kept of the first time. */
  reloadMilliseconds: number;
  /** Recorded, of all graphs together. */
  nodes: number;
  /** Floating-point operations of a step's matrix products. */
  operations: number;
  /** That the student trains. */
  parameters: number;
  /** Of a step while profiled. */
  stepMilliseconds: number;
  graphs: string[];
  operators: OperatorTime[];
}

async function main(folder: string, engine: Engine, precision: Precision, steps: number): Promise<void> {
  const distillation = await readDistillation(folder);
  const options: ExecutorOptions = { threads: distillation.setup.threads, precision };
  // Each with an executor of its own: one knows the graphs that it has loaded.
  const open = (): Promise<Executor> => openExecutor(engine, options);
  const profile: Profile = {
    ...(await startup(distillation, open)),
    ...(await profiled(
      distillation,
      engine === 'cpu' ? profileOnnxruntime(await open(), folder) : profileOpenVino(options),
      steps,
    )),
  };
  process.stdout.write(JSON.stringify(profile));
}

async function startup(
  { setup, pairing, batches }: Distillation,
  open: () => Promise<Executor>,
): Promise<Omit<Profile, 'stepMilliseconds' | 'graphs' | 'operators'>> {
  const { shape } = batchInputs(batches[0]!, setup.task);
  const adamw = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: setup.weightDecay };
  const recording = await open();
  const started = performance.now();
  const trained = trainedSpecs(pairing);
  const { kinds } = layOut(recording, trained, decaysByDefault);
  const programs: Program[] = [
    teacherProgram(imitatedOf(pairing), shape),
    gradientsProgram(pairing, shape),
    ...kinds.flatMap(({ specs, decays }) => [squaresProgram(specs), updateProgram(specs, { ...adamw, decays })]),
  ];
  const recorded = performance.now();
  const load = async (): Promise<number> => {
    const executor = await open();
    const before = performance.now();
    const loaded = await Promise.all(programs.map((program) => executor.load(program)));
    const milliseconds = performance.now() - before;
    for (const program of loaded) await program.release();
    return milliseconds;
  };
  return {
    recordMilliseconds: recorded - started,
    loadMilliseconds: await load(),
    reloadMilliseconds: await load(),
    nodes: programs.reduce((sum, { graph }) => sum + graph.nodes.length, 0),
    operations: programs.reduce((sum, { graph }) => sum + operationsOf(graph), 0),
    parameters: Object.values(trained).reduce((sum, { shape }) => sum + sizeOf(shape), 0),
  };
}

async function profiled(
  distillation: Distillation,
  { executor, start, finish }: Profiling,
  steps: number,
): Promise<Pick<Profile, 'stepMilliseconds' | 'graphs' | 'operators'>> {
  const trainer = createTrainer(distillation, executor);
  for (let step = 0; step < SKIPPED; step++) await trainer.step();
  start();
  const started = performance.now();
  for (let step = 0; step < steps; step++) await trainer.step();
  const stepMilliseconds = (performance.now() - started) / steps;
  const profiles = await finish();
  return {
    stepMilliseconds,
    graphs: graphNames(profiles),
    operators: timeByOperator(profiles, steps),
  };
}

const [folder, engine, precision, steps] = process.argv.slice(2);
void main(folder!, engine as Engine, precision as Precision, Number(steps));
