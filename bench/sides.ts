/** @file What is compared: our engines and PyTorch, each in the precisions that it has, as commands of their own. */

import { join } from 'node:path';
import type { Engine } from '../src/engine/engines';
import type { Precision } from '../src/protocol/engines';
import { findLibrary } from '../src/engine/libraries';
import { computesBfloat16 } from './processor';
import { Side } from './side';

export interface SidePlan {
  name: string;
  /** Of the products. */
  precision: Precision;
  /** Absent: PyTorch. */
  engine?: Engine;
  /** Whether it packs rows; of ours alone. */
  packs?: true;
  /** Flags of bench/peer.py. */
  flags?: readonly string[];
  /** A program of its own in dist/bench/, which is given the folder. */
  program?: string;
  /** Largest relative difference of its losses, where its own functions are less exact than float32. */
  tolerance?: number;
}

const ours: readonly SidePlan[] = [
  { name: 'onnxruntime', engine: 'cpu', precision: 'float32' },
  { name: 'OpenVINO', engine: 'openvino', precision: 'float32' },
  { name: 'OpenVINO bf16', engine: 'openvino', precision: 'bfloat16' },
];

/** What else runs in JavaScript: our programs on TensorFlow.js's backends, and jax-js. */
const others: readonly SidePlan[] = [
  { name: 'tfjs-node', engine: 'tfjs-node', precision: 'float32' },
  { name: 'tfjs wasm', engine: 'tfjs-wasm', precision: 'float32' },
  { name: 'tfjs cpu', engine: 'tfjs-cpu', precision: 'float32' },
  // Its exponentials and logarithms are good to about six digits, and KL is a small difference of them.
  { name: 'jax-js wasm', program: 'jax-js.js', precision: 'float32', tolerance: 5e-3 },
];

/** To this side every other is compared: its losses, its time, its memory. */
export const PEER: SidePlan = { name: 'PyTorch', precision: 'float32' };
export const PEER_BFLOAT16: SidePlan = { name: 'PyTorch bf16', precision: 'bfloat16', flags: ['--bf16'] };
const compiled: SidePlan = { name: 'PyTorch, compiled', precision: 'float32', flags: ['--compile'] };

const PYTHON = 'test/peers/.venv/bin/python';

/** The peer stands first. Of ours those of `engines`, or every one whose library is there; `all` adds the others in JavaScript. */
export function chosenSides(options: {
  engines: readonly string[] | undefined;
  compile: boolean;
  all: boolean;
  /** Ours once more, with packed rows. */
  packed?: boolean;
}): SidePlan[] {
  const { engines } = options;
  const unknown = engines?.find((name) => !ours.some(({ engine }) => engine === name));
  if (unknown !== undefined) throw new Error(`the benchmark has no engine ${unknown}`);
  const isThere = ({ engine, precision }: SidePlan): boolean =>
    (precision !== 'bfloat16' || computesBfloat16()) &&
    (engine !== 'openvino' || findLibrary('openvino') !== undefined) &&
    (engine !== 'tfjs-node' || findLibrary('tensorflow') !== undefined);
  const chosen = ours.filter((side) => (engines?.includes(side.engine!) ?? true) && isThere(side));
  const bfloat16 = chosen.some(({ precision }) => precision === 'bfloat16');
  return [
    PEER,
    ...(bfloat16 ? [PEER_BFLOAT16] : []),
    ...(options.compile ? [compiled] : []),
    ...chosen.flatMap((side): SidePlan[] =>
      options.packed ? [side, { ...side, name: `${side.name}, packed`, packs: true }] : [side],
    ),
    ...(options.all && !engines ? others.filter(isThere) : []),
  ];
}

/** Whether the executor of a side has a profile by operator. */
export const isProfiled = ({ engine }: SidePlan): boolean => engine === 'cpu' || engine === 'openvino';

/** The command that writes how many operations a second the side's library does in a large matrix product; absent for the others in JavaScript. */
export function rateCommand(
  { engine, precision, program, flags = [] }: SidePlan,
  threads: number,
): string[] | undefined {
  if (program !== undefined || flags.includes('--compile') || engine?.startsWith('tfjs')) return undefined;
  if (engine === undefined) return [PYTHON, 'bench/peer.py', '--rate', String(threads), ...flags];
  return [process.execPath, 'dist/bench/rate.js', engine, precision, String(threads)];
}

/** Starts the process of a side, which reads the case from the folder. */
export function startSide(plan: SidePlan, folder: string, threads: number): Side {
  const { name, engine, precision, packs, flags = [], program } = plan;
  if (program !== undefined) return new Side(name, [process.execPath, join('dist', 'bench', program), folder]);
  if (engine === undefined) {
    return new Side(name, [PYTHON, 'bench/peer.py', folder, ...flags], { OMP_NUM_THREADS: String(threads) });
  }
  const more = packs ? ['packed'] : [];
  return new Side(name, [
    process.execPath,
    '--enable-source-maps',
    'dist/bench/step.js',
    folder,
    engine,
    precision,
    ...more,
  ]);
}
