/** @file What run.mjs bundles, `bench/NAME.ts`: what `npm run bench -- NAME` starts, and what those start in turn. */

/** By name, what it tells. Each file says what else may be named. */
export const looks = {
  growth: { tells: "one engine's memory over many steps" },
  curves: { tells: "how the step's time grows with tokens and parameters" },
  'run-list': { tells: 'how long the sidebar takes to read thousands of runs' },
  load: { tells: 'how long a run of many rows takes to its first step' },
  beside: { tells: "a training's share of the processor beside other programs" },
  generation: { tells: 'how fast texts are continued' },
  open: { tells: 'how much memory it takes to open a large checkpoint' },
  update: { tells: 'the end of a step beside a copy of memory' },
  memory: { tells: "where a step's memory is" },
  torchrun: { tells: "PyTorch's processes", needsPyTorch: true },
  student: { tells: 'the time from files to a good student, beside scripts in PyTorch', needsPyTorch: true },
  start: { tells: 'the time from the start of the program to the first step' },
  'on-policy': { tells: 'what a student gains from learning on its own texts' },
};

/** What `npm run bench` starts without a name, or with `--whole`. Both need PyTorch. */
const wholes = ['main', 'whole'];

const parts = ['step', 'profile', 'rate', 'whole-side', 'jax-js'];

export const programs = [...wholes, ...parts, ...Object.keys(looks)];
