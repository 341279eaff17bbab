/** @file The figures as text: tables for the terminal, and bench/RESULTS.md. */

import Table from 'cli-table3';
import type { Precision } from '../src/protocol/engines';
import { BYTES_A_PARAMETER } from './bandwidth';
import type { Case } from './cases';
import { COMPARED_STEPS, TOLERANCES, type SideResult } from './compare';
import { isProduct, total, type OperatorTime } from './operators';
import type { Profile } from './profile';
import { PEER, PEER_BFLOAT16, type SidePlan } from './sides';
import { median, relativeSpread } from './statistics';

export interface CaseResult {
  benchCase: Pick<Case, 'name' | 'title' | 'stepsPerBlock'>;
  sides: SideResult[];
  /** Of each of our sides. */
  profiles: NamedProfile[];
}

export interface NamedProfile extends Profile {
  /** Of the side. */
  name: string;
}

/** Operations a second of a large matrix product, by precision, and bytes a second of a copy of memory. */
export type Rates = Readonly<Record<Precision | 'copy', number>>;

export interface Machine {
  date: string;
  processor: string;
  /** What its products are computed with. */
  instructions: string;
  cores: number;
  threads: number;
  system: string;
  /** Average number of others' runnable threads in the minute before the benchmark. */
  load: number;
}

/** What one machine measured. */
export interface Measurement {
  machine: Machine;
  rates: Rates;
  results: readonly CaseResult[];
  /** Absent where the profiles have the warm-up in them. */
  profilesLeaveWarmUpOut?: true;
}

interface Grid {
  head: string[];
  rows: string[][];
}

const milliseconds = (value: number): string =>
  value < 10 ? value.toFixed(2) : value < 100 ? value.toFixed(1) : Math.round(value).toLocaleString('en');
const megabytes = (value: number): string => Math.round(value).toLocaleString('en');
const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
const ratio = (value: number): string => `${value.toFixed(2)} ×`;

function speed(results: readonly CaseResult[], rates: Rates): Grid {
  const head = [
    'models',
    'side',
    'ms a step',
    'spread ±',
    `× ${PEER.name}`,
    `× ${PEER_BFLOAT16.name}`,
    'of the rate',
    'peak MB',
    'memory',
    'padding',
  ];
  const rows = results.flatMap(({ benchCase, sides, profiles }) => {
    const operations = profiles[0]?.operations;
    const times = (of: SidePlan): number | undefined => {
      const side = sides.find(({ name }) => name === of.name);
      return side && median(side.blocks);
    };
    const against = (time: number | undefined, side: SideResult): string =>
      time === undefined ? '' : ratio(time / median(side.blocks));
    return sides.map((side, index) => [
      index === 0 ? benchCase.name : '',
      side.name,
      milliseconds(median(side.blocks)),
      percent(relativeSpread(side.blocks)),
      against(times(PEER), side),
      against(times(PEER_BFLOAT16), side),
      operations === undefined ? '' : percent((operations * 1000) / median(side.blocks) / rates[side.precision]),
      `${megabytes(side.peakMegabytes)} (${megabytes(side.emptyMegabytes)})`,
      ratio(side.peakMegabytes / sides[0]!.peakMegabytes),
      side.padding === undefined ? '' : percent(side.padding),
    ]);
  });
  return { head, rows };
}

function startup(results: readonly CaseResult[]): Grid {
  return {
    head: ['models', 'side', 'nodes recorded', 'record ms', 'load ms', 'again ms', 'losses differ by'],
    rows: results.flatMap(({ benchCase, profiles, sides }) =>
      profiles.map((profile, index) => [
        index === 0 ? benchCase.name : '',
        profile.name,
        String(profile.nodes),
        milliseconds(profile.recordMilliseconds),
        milliseconds(profile.loadMilliseconds),
        milliseconds(profile.reloadMilliseconds),
        sides.find(({ name }) => name === profile.name)!.lossDifference.toExponential(1),
      ]),
    ),
  };
}

/** The training that the blocks are parts of, in both precisions. */
function lossCurves({ benchCase: { stepsPerBlock }, sides }: CaseResult): Grid {
  const lasts = sides[0]!.losses.map((_, block) => COMPARED_STEPS + (block + 1) * stepsPerBlock);
  return {
    head: ['side', ...lasts.map((last) => `to step ${last}`)],
    rows: sides.map(({ name, losses }) => [name, ...losses.map((loss) => loss.toFixed(4))]),
  };
}

const TOP_OPERATORS = 10;

function operators({ operators, graphs, stepMilliseconds }: Profile): Grid {
  const row = (name: string, nodes: string, times: number[], all: number): string[] => [
    name,
    nodes,
    ...times.map(milliseconds),
    milliseconds(all),
    percent(all / stepMilliseconds),
  ];
  const sumUp = (name: string, entries: OperatorTime[]): string[] => {
    const times = graphs.map((_, graph) => entries.reduce((sum, entry) => sum + entry.milliseconds[graph]!, 0));
    return row(
      name,
      String(Math.round(entries.reduce((sum, { nodes }) => sum + nodes, 0))),
      times,
      times.reduce((a, b) => a + b, 0),
    );
  };
  const kernels = operators.reduce((sum, entry) => sum + total(entry), 0);
  return {
    head: ['operator', 'nodes', ...graphs.map((graph) => `${graph.split('-')[0]!} ms`), 'all ms', 'of the step'],
    rows: [
      ...operators.slice(0, TOP_OPERATORS).map((entry) => sumUp(entry.operator, [entry])),
      sumUp('all others', operators.slice(TOP_OPERATORS)),
      row('outside kernels', '', [], stepMilliseconds - kernels).toSpliced(2, 0, ...graphs.map(() => '')),
    ],
  };
}

/** Milliseconds of a step's kernels: products, the end of the step (norm and update), and all others. */
export function shares({ operators, graphs }: Profile): { products: number; end: number; others: number } {
  const ends = graphs.map((graph) => /^(squares|update)/.test(graph));
  const sum = { products: 0, end: 0, others: 0 };
  for (const entry of operators) {
    for (const [graph, milliseconds] of entry.milliseconds.entries()) {
      sum[ends[graph] ? 'end' : isProduct(entry) ? 'products' : 'others'] += milliseconds;
    }
  }
  return sum;
}

/** How near each part of a step comes to what binds it, and what a step would take with nothing but that. */
function limits(results: readonly CaseResult[], rates: Rates): Grid {
  const head = [
    'models',
    'side',
    'products ms',
    'of the products’ rate',
    'norm and update ms',
    'of the copy',
    'other kernels ms',
    'outside kernels ms',
    'limit ms',
    'of the step',
  ];
  const rows = results.flatMap(({ benchCase, sides, profiles }) =>
    profiles.map((profile, index) => {
      const { precision } = sides.find(({ name }) => name === profile.name)!;
      const { operations, parameters, stepMilliseconds } = profile;
      const { products, end, others } = shares(profile);
      const productLimit = (operations / rates[precision]) * 1000;
      const endLimit = ((BYTES_A_PARAMETER * parameters) / rates.copy) * 1000;
      return [
        index === 0 ? benchCase.name : '',
        profile.name,
        milliseconds(products),
        percent(productLimit / products),
        milliseconds(end),
        percent(endLimit / end),
        milliseconds(others),
        milliseconds(stepMilliseconds - products - end - others),
        milliseconds(productLimit + endLimit),
        percent((productLimit + endLimit) / stepMilliseconds),
      ];
    }),
  );
  return { head, rows };
}

const LIMITS_NOTE =
  'Products are bound by the rate of products, the gradients’ norm and the update by memory: they read and write ' +
  `${BYTES_A_PARAMETER} bytes a parameter at least (less where a cache holds small models whole, and the share may be above 100 %). The limit is both at those rates, with nothing else in a step; profiled steps, which are a little slower.`;

/** Of measurements whose profiles had the warm-up in them. */
const WARM_UP_NOTE =
  'Profiled with the warm-up: OpenVINO’s times are means of all steps, the first included, in which the moments’ pages are new, and onnxruntime’s ' +
  'gradients those of seven steps in place of five where they are two programs. So kernels were faster than this says, norm and update above all, and outside kernels is below 0 ' +
  '(docs/decisions/0094).';

/** What a person sees at the end of a run. */
export function terminalReport(results: readonly CaseResult[], rates: Rates): string {
  const table = ({ head, rows }: Grid): string => {
    const drawn = new Table({ head, style: { head: [], border: [], compact: true } });
    drawn.push(...rows);
    return drawn.toString();
  };
  return [
    ...results.map(({ benchCase: { name, title } }) => `${name}: ${title}`),
    table(speed(results, rates)),
    rateNote(rates),
    MEMORY_NOTE,
    table(startup(results)),
    ...results.flatMap(({ benchCase, profiles }) =>
      profiles.flatMap((profile) => [`${benchCase.name}, ${profile.name}`, table(operators(profile))]),
    ),
    table(limits(results, rates)),
    LIMITS_NOTE,
  ].join('\n\n');
}

const rateNote = (rates: Rates): string =>
  'Of the rate: what the matrix products of a step, as our graphs have them, would take at the rate of one product of two ' +
  '2,048 × 2,048 matrices by the fastest library here, as a share of the step. ' +
  (['float32', 'bfloat16'] as const)
    .filter((precision) => rates[precision] > 0)
    .map((precision) => `${precision} ${Math.round(rates[precision] / 1e9)} GFLOP/s`)
    .join(', ') +
  `; a copy of memory ${(rates.copy / 1e9).toFixed(1)} GB/s.`;

const MEMORY_NOTE =
  'Peak: the most resident memory of the process since it began, loading included; in brackets what the process holds with ' +
  'its libraries loaded and no model yet. PyTorch from the package index brings CUDA libraries on Linux, which count there.';

const markdownTable = ({ head, rows }: Grid): string =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

/** What one machine measured, a chapter of its own. */
function chapter({ machine, rates, results, profilesLeaveWarmUpOut }: Measurement): string {
  const { date, processor, instructions, cores, threads, system, load } = machine;
  return `## ${processor}, ${instructions}

${date} · ${cores} cores, ${threads} threads on each side · ${system}
· ${versions(results[0]!.sides)}
· load before the run ${load.toFixed(1)} (near 0 on a quiet machine; a busy one slows PyTorch more than ours, and the ratios mean little)

${markdownTable(speed(results, rates))}

${rateNote(rates)}

### How near to the machine's limits

${profilesLeaveWarmUpOut ? '' : `${WARM_UP_NOTE}\n\n`}${markdownTable(limits(results, rates))}

### The loss in both precisions

Mean total loss of each block of steps of \`${results[0]!.benchCase.name}\`: one training on each side, from the same weights on the same batches.

${markdownTable(lossCurves(results[0]!))}

### How long ours takes to begin

${markdownTable(startup(results))}

### Where our time goes

${results
  .flatMap(({ benchCase, profiles }) =>
    profiles.map((profile) => `#### ${benchCase.name}, ${profile.name}\n\n${markdownTable(operators(profile))}`),
  )
  .join('\n\n')}
`;
}

/** bench/RESULTS.md: a chapter for each machine, the newest first. */
export function markdownReport(measurements: readonly Measurement[]): string {
  const newest = measurements.toSorted((a, b) => b.machine.date.localeCompare(a.machine.date));
  const titles = new Map(
    newest.flatMap(({ results }) => results.map(({ benchCase: { name, title } }) => [name, title])),
  );
  return `# Our distillation step beside PyTorch's

Written by \`npm run bench\`, which overwrites this file; every figure is as it came. Each processor has a chapter: ${newest.map(({ machine: { processor, instructions } }) => `${processor}, ${instructions}`).join('; ')}.

One step is: forward pass of the frozen teacher, forward and backward pass of the student, α · T² · forward KL + (1 − α) ·
hard loss with T = 2 and α = 0.5, clipping of the global gradient norm to 1, AdamW. No dropout. All sides load the same
model folders and batches, and are timed only after their first three total, soft and hard losses agree with PyTorch's in float32, to
${TOLERANCES.float32.relative} where they compute in float32 themselves and to ${TOLERANCES.bfloat16.relative} where their products are in bfloat16 (weights, losses and
update are float32 on every side). Each side is a process of its own; they take blocks of steps in turn, so that only one computes at any
time. Milliseconds are the median of the blocks; the spread is half the distance from the fastest to the slowest. The columns of
speed say how many times as fast as PyTorch a side is (above 1: faster); the column of memory compares the peak with PyTorch's in
float32 (below 1: less), and the last says what share of the computed tokens is padding, the mean of the steps. Where rows are as long as they are (\`short-…\`), a block is a pass over the same
50 batches' rows on each side, after three steps on the same rows: PyTorch pads each batch to its longest row, with rows sorted by length among all batches; ours groups
by length as runs do, or packs rows that are not grouped.

PyTorch runs eagerly with \`float32_matmul_precision\` "highest", scaled-dot-product attention and the fused AdamW; the vocabulary's
logits, softmaxes and losses are written in its usual way; bf16 is its autocast. \`npm run bench -- --compile\` adds \`torch.compile\` as one
more side.

${MEMORY_NOTE}

${LIMITS_NOTE}

*How long ours takes to begin*: record: the graphs of a step (teacher, gradients, sums of squares and update of each kind of piece) recorded for the first time in a new process; load: handed to the engine and
optimized there, for the first time and again (OpenVINO keeps compiled graphs in the user's cache, onnxruntime nothing). In the last column the largest relative difference of the first three steps' losses.
*Where our time goes*: from the engines' own profiles, milliseconds a step; profiling itself makes small kernels a little slower.

${[...titles].map(([name, title]) => `- \`${name}\`: ${title}`).join('\n')}

${newest.map(chapter).join('\n')}
## To repeat it

\`\`\`
npm install
npm run peers               # Python environment with PyTorch and transformers, once
npm run bench               # all, about half an hour on 2 cores; close everything else
npm run bench -- --quick    # the two small pairs with few repeats; this file stays as it is
\`\`\`
\`--case NAME\` picks one of ${[...titles.keys()].map((name) => `\`${name}\``).join(', ')}; \`--engine NAME\` one of ours;
\`--threads N\`, \`--blocks N\` and \`--compile\` do what they say. Linux only
(resident memory is read from /proc). What each machine measured lies in \`bench/results/\`.
`;
}

/** Each library once, though several sides may be of it. */
function versions(sides: readonly SideResult[]): string {
  const named = sides.flatMap((side) => Object.entries(side.versions).map(([name, version]) => `${name} ${version}`));
  return [...new Set(named)].join(' · ');
}
