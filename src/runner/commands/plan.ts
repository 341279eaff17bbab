/** @file `plan`: what an experiment takes on machines that need not be here, by arithmetic; nothing is trained, no weights are read. */

import Table from 'cli-table3';
import {
  deviceNamed,
  type Device,
  type Link,
  links,
  type Network,
  type NetworkName,
  networks,
} from '../../distill/planning/devices';
import {
  planScaling,
  secondsOfTeacher,
  type Machines,
  type ScalingCase,
  type ScalingPlan,
  SHARE_OF_LINK,
  SHARE_OF_PEAK,
  type StrategyPlan,
  type TeacherAccess,
} from '../../distill/planning/scaling';
import { onPolicyOf } from '../../distill/pairing';
import { dropoutEverywhere } from '../../experiment/architecture';
import { checkExperiment } from '../../experiment/checks/validate';
import type { ModelFacts } from '../../experiment/checks/model-facts';
import { nameOfEndpoint } from '../../experiment/endpoint';
import { memberCount } from '../../experiment/ensemble';
import { readExperimentFile } from '../../experiment/file/parse';
import type { Experiment } from '../../experiment/file/schema';
import { isOpaque, type TeacherModel } from '../../model/architecture';
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatLarge,
  formatMilliseconds,
  formatPercent,
} from '../../protocol/format';
import { InputError, type Problem } from '../../protocol/problem';
import { devicesOf, torchrunEngine } from '../../protocol/torchrun';
import { canUseCache, settingsOf, tokensWanted } from '../run/cache-location';
import { processorHere } from '../torchrun/device-here';
import { memoryOf } from './student';

export interface PlanOptions {
  /** Of each host; this machine's processors if left out. */
  devices?: { count: number; device: Device } | undefined;
  hosts?: number | undefined;
  /** Between the devices of a host, or between hosts. */
  interconnect?: Interconnect | undefined;
  strategy?: 'auto' | 'ddp' | 'fsdp' | undefined;
  teacher?: TeacherAccess | undefined;
  /** Of the corpus, in place of the dataset's rows, which then need not be there. */
  tokens?: number | undefined;
}

export type Interconnect = { link: Link } | { network: Network };

export interface PlanResult extends ScalingPlan {
  device: string;
  devices: number;
  hosts: number;
  precision: Experiment['precision'];
  teacher: TeacherAccess;
  /** Of an epoch. */
  rows: number;
  epochs: number;
  maxLength: number;
  /** Students that the experiment trains: seeds, and controls. */
  trainings: number;
  /** On this machine with an engine of the processor: its own prediction, from the recorded programs. */
  localBytes?: number | undefined;
}

/**
 * Throws an InputError with the problems of the file where it has errors. Models' folders need no weights, and with `tokens` the dataset's
 * files need not be there.
 */
export async function planExperiment(file: string, options: PlanOptions = {}): Promise<PlanResult> {
  const parsed = await readExperimentFile(file);
  const checked = await checkExperiment(parsed, { sizesAlone: true, withoutRows: options.tokens !== undefined });
  const { experiment, models, problems, dataset } = checked;
  const model = models && teacherOf(experiment, models);
  if (!experiment || !models?.student || !model) throw new InputError(problems as [Problem, ...Problem[]]);
  const { task, training, distillation, precision } = experiment;
  const { maxLength } = experiment.dataset;
  const asked = { ...devicesIn(experiment), ...options };
  const isHere = asked.devices === undefined;
  const machines = machinesOf(asked);
  const teacher = options.teacher ?? teacherAccess(experiment, isHere);
  const { labelled, unlabelled } = dataset?.trainingRows ?? { labelled: 0, unlabelled: 0 };
  const rows = options.tokens === undefined ? labelled + unlabelled : Math.ceil(options.tokens / maxLength);
  const planned: ScalingCase = {
    student: { ...models.student, ...dropoutEverywhere(models.student.family, training.dropout) },
    teachers: teachersOf(experiment, { ...models, teacher: model }),
    teacher,
    objective: { ...distillation, tokens: tokensWanted(experiment, models.student) },
    task,
    length: maxLength,
    batchSize: training.batchSize,
    gradientAccumulation: training.gradientAccumulation,
    precision,
    rows,
    epochs: training.epochs,
    stored: storedOf(experiment),
    recomputesBlocks: experiment.torchrun?.activationCheckpointing,
  };
  const askedFirst =
    options.teacher === undefined && teacher === 'asked' ? secondsOfTeacher(planned, machines) : undefined;
  const scaling = planScaling(planned, machines, options.strategy ?? experiment.torchrun?.strategy);
  const seeds = Array.isArray(experiment.seeds) ? experiment.seeds.length : (experiment.seeds ?? 1);
  return {
    device: machines.device.name,
    devices: machines.devices,
    hosts: machines.hosts,
    precision,
    teacher,
    rows,
    epochs: training.epochs,
    maxLength,
    trainings: seeds * (1 + experiment.controls.length),
    ...scaling,
    notes: [
      ...scaling.notes,
      ...(askedFirst === undefined ? [] : askedFirstText(experiment, scaling, askedFirst)),
      ...requestsText(experiment, rows),
      ...onPolicyText(experiment),
    ],
    // Read off the recorded programs, which are not recorded for what could never run here.
    ...(isHere &&
      scaling.chosen.fits &&
      !isOpaque(model) && { localBytes: memoryOf(experiment, model, models.student, 0) }),
  };
}

/** Its answers are kept where that can be; elsewhere the plan is of the longest steps, and `askedFirstText` says so. */
function teacherAccess(experiment: Experiment, isHere: boolean): TeacherAccess {
  if (experiment.teacher.source === 'endpoint') return 'elsewhere';
  return isHere && canUseCache(experiment) ? 'kept' : 'asked';
}

/** What the engine torchrun does where the plan's steps have it ask the teacher each time. */
function askedFirstText(experiment: Experiment, { kept: [own] }: ScalingPlan, seconds: number): string[] {
  const settings = settingsOf(experiment.teacher.cache);
  if (!canUseCache(experiment) || !settings || !own) return [];
  if (own.bytes > settings.mostBytes) {
    const most = formatBytes(settings.mostBytes);
    return [
      `The teacher is asked in every step: its answers would be more than the ${most} of teacher.cache.maxGigabytes.`,
    ];
  }
  return [
    `The engine torchrun asks about all rows before its first step, in about ${formatSeconds(seconds)}, and keeps the answers: its steps are those of --teacher kept. With "cache": false in "teacher" it asks in every step, as is counted here, and the first begins at once.`,
  ];
}

const storedOf = ({ teacher }: Experiment): ScalingCase['stored'] => settingsOf(teacher.cache) ?? { values: 'auto' };

/** Of a model behind a server nothing is known but how wide its answers are: as the student's. */
function teacherOf(experiment: Experiment | undefined, { teacher, student }: ModelFacts): TeacherModel | undefined {
  if (experiment?.teacher.source !== 'endpoint' || !student) return teacher;
  const { head, labels, vocabularySize, maxPositions } = student;
  return { isOpaque: true, head, ...(labels && { labels }), vocabularySize, maxPositions };
}

/** What a server will be asked; it is not asked for this. */
function requestsText({ teacher, task, dataset }: Experiment, rows: number): string[] {
  if (teacher.source !== 'endpoint') return [];
  const each = task === 'causal-lm' ? 'a request each' : 'a request each, or one for each label';
  const most = `${formatCount(rows)} texts of at most ${formatCount(dataset.maxLength)} tokens`;
  return [
    `${nameOfEndpoint(teacher)} is asked about ${most}, ${each}, and about validation and test rows; what it has answered is not asked again.`,
  ];
}

/** What a step's time is the mean of. */
function onPolicyText({ distillation, dataset }: Experiment): string[] {
  const onPolicy = onPolicyOf(distillation);
  if (!onPolicy) return [];
  const tokens = formatCount(Math.min(onPolicy.maxNewTokens, dataset.maxLength - 1));
  return [
    `In ${formatPercent(onPolicy.fraction)} of the steps the student writes up to ${tokens} tokens after each prompt and the teacher computes what it says of them; the time of a step is the mean of all.`,
  ];
}

/** Members that the run trains itself are taken to be like the first. */
function teachersOf({ teacher }: Experiment, { teacher: first, members = [] }: ModelFacts): TeacherModel[] {
  if (teacher.source !== 'ensemble') return [first!];
  return Array.from({ length: memberCount(teacher) }, (_, i) => members[i]?.model ?? first!);
}

/** What the experiment says of where it is trained, where the command says nothing else. */
function devicesIn({ engine, torchrun }: Experiment): Pick<PlanOptions, 'devices' | 'hosts'> {
  const named = devicesOf(torchrun?.devices ?? '');
  if (engine !== torchrunEngine || !named) return {};
  const { hosts, processes } = torchrun!;
  const count = processes === 'auto' ? named.count : processes;
  return { devices: { count, device: deviceNamed(named.name)! }, hosts };
}

function machinesOf({ devices, hosts = 1, interconnect }: PlanOptions): Machines {
  const { count, device } = devices ?? { count: 1, device: processorHere() };
  return { device, devices: count, hosts, ...interconnect };
}

/** A name of the tables, or a rate such as `40GB/s`: between hosts where there are several. Undefined for another text. */
export function interconnectNamed(text: string, hosts: number): Interconnect | undefined {
  const name = text.toLowerCase();
  if (Object.hasOwn(links, name)) return { link: links[name as keyof typeof links] };
  if (Object.hasOwn(networks, name)) return { network: networks[name as NetworkName] };
  const rate = Number(/^(\d+(?:\.\d+)?)GB\/s$/i.exec(text)?.[1] ?? 0) * 1e9;
  if (rate <= 0) return undefined;
  return hosts > 1 ? { network: { rate, each: 'host', source: 'as given' } } : { link: { name: text, rate } };
}

/** In the unit that it is long: `12 ms`, `3.1 s`, `2 h 5 m`. */
export function formatSeconds(value: number): string {
  if (value >= 60) return formatDuration(value);
  return value >= 1 ? `${formatCount(value, 1)} s` : formatMilliseconds(1000 * value);
}

/** Of a token: a class takes less than a byte of it. */
export const formatBytesOfToken = (bytes: number): string =>
  bytes < 10 ? `${formatCount(bytes, 2)} B` : formatBytes(bytes);

/** What the verb prints. */
export function planText(plan: PlanResult): string {
  const { chosen, others, devices, hosts, device } = plan;
  const machines = `${devices} × ${device}${hosts > 1 ? ` on each of ${hosts} hosts` : ''}`;
  const strategies = [chosen, ...others];
  const head = ['', ...strategies.map(({ strategy }) => (devices * hosts === 1 ? 'one device' : strategy))];
  const table = new Table({
    head,
    colAligns: head.map((_, i) => (i === 0 ? 'left' : 'right')),
    style: { head: [], border: [] },
  });
  const names = [...new Set(strategies.flatMap(({ memory }) => memory.map(({ name }) => name)))];
  const row = (name: string, of: (strategy: StrategyPlan) => string): void => {
    table.push([name, ...strategies.map(of)]);
  };
  for (const name of names) {
    row(name, ({ memory }) => formatBytes(memory.find((term) => term.name === name)?.bytes));
  }
  row('memory of each device', ({ memoryBytes, fits }) => `${formatBytes(memoryBytes)}${fits ? '' : ', too much'}`);
  row('rows of each device', ({ rowsPerDevice }) => formatCount(rowsPerDevice));
  row('batches of a step', ({ gradientAccumulation }) => formatCount(gradientAccumulation));
  row('operations of each device, a step', ({ operations }) => formatLarge(operations));
  row('sent by each device, a step', ({ communicationBytes }) => formatBytes(communicationBytes));
  row('computing', ({ computeSeconds }) => formatSeconds(computeSeconds));
  row('communication', ({ communicationSeconds }) => formatSeconds(communicationSeconds));
  if (strategies.some(({ writingSeconds }) => writingSeconds > 0)) {
    row('the student’s writing', ({ writingSeconds }) => formatSeconds(writingSeconds));
  }
  row('update', ({ updateSeconds }) => formatSeconds(updateSeconds));
  row('a step', ({ stepSeconds }) => formatSeconds(stepSeconds));
  const tokens = plan.rows * plan.maxLength;
  const kept = plan.kept.map(({ name, bytesOfToken, bytes, passes }) => {
    const pays =
      passes === undefined
        ? 'never pays: reading takes longer than asking'
        : `pays from more than ${formatCount(passes, 2)} passes on`;
    return `  ${name}: ${formatBytesOfToken(bytesOfToken)} a token, ${formatBytes(bytes)}; ${pays}`;
  });
  // Of one behind a server.
  const teacherSize = plan.parameters.teacher > 0 ? formatLarge(plan.parameters.teacher) : 'of unknown size';
  return [
    `${machines}, ${plan.precision}. Student ${formatLarge(plan.parameters.trained)} parameters, teacher ${teacherSize}, ${accessWords[plan.teacher]}.`,
    plan.reason,
    table.toString(),
    `${formatCount(plan.steps)} steps of ${formatLarge(plan.tokensOfStep)} tokens, ${formatLarge(tokens)} tokens an epoch, epochs: ${plan.epochs}. In all ${formatDuration(plan.seconds)}${plan.trainings > 1 ? `, for each of ${plan.trainings} students` : ''}.`,
    `Every row is taken to be of the greatest length. Computing is counted at ${100 * SHARE_OF_PEAK} % of the peak, links at ${100 * SHARE_OF_LINK} % of their rate, one after the other.`,
    ...(plan.localBytes === undefined
      ? []
      : [
          `On an engine of the processor this machine would need ${formatBytes(plan.localBytes)} beside what the program holds. GPUs here are not looked for: name them with --devices.`,
        ]),
    ...(kept.length > 0 ? ['The teacher’s answers, kept:', ...kept] : []),
    ...plan.notes,
  ].join('\n');
}

const accessWords: Record<TeacherAccess, string> = {
  asked: 'asked in every step',
  kept: 'whose kept answers are read',
  elsewhere: 'answering elsewhere',
};
