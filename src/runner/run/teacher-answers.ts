/** @file Where a student gets the teacher's answers: from the cache, which is filled first, or from the teacher in every step. */

import { existsSync } from 'node:fs';
import { FrozenEnsemble } from '../../distill/teacher/ensemble';
import { OpaqueEnsemble } from '../../distill/teacher/opaque-ensemble';
import { AskedTeacher } from '../../distill/teacher/asked-teacher';
import { withEntropies } from '../../distill/entropies';
import { longestRow } from '../../experiment/checks/check-dataset';
import { layoutCache, type CacheLayout } from '../../distill/teacher/cache-layout';
import { isInside, nothingInside, type Kept } from '../../distill/pairing';
import {
  FrozenTeacher,
  reducedTargets,
  TeacherTargets,
  type TargetSource,
  type Teacher,
} from '../../distill/teacher/teacher';
import {
  CachedTargets,
  fillCache,
  GrowingTargets,
  type FillSetup,
  type TeacherCacheSetup,
} from '../../distill/teacher/cache';
import { canBeKept, type StoredValues } from '../../distill/teacher/records';
import { freeSpace, TeacherCacheFiles, type TeacherCacheRecord } from '../../run-directory/teacher-cache-files';
import { formatBytes, formatCount } from '../../protocol/format';
import type { OpaqueIdentity } from '../../distill/teacher/cache-key';
import { ChosenTokensSource } from '../../distill/teacher/chosen-tokens';
import { MeanCost, RoundingError, roundingText, toFloat16, toMostProbable } from '../../distill/teacher/rounding-error';
import { isFileError, KeptAnswers } from '../../distill/teacher/kept-answers';
import type { FrozenModel } from '../../model/parameters';
import {
  cachesOfOthers,
  describeCache,
  settingsOf,
  tooLarge,
  type CacheLocation,
  type CacheSettings,
  type ToKeep,
} from './cache-location';
import { trainingBatches, type PreparedRun } from './prepared-run';
import { reportReduced } from './teacher-precision';

/** Room on the disk that a cache leaves to others. */
const SPARED_BYTES = 2e9;

/** The teacher of a distillation, on the device and in host memory. */
interface TeacherToAsk {
  model: FrozenModel | OpaqueIdentity;
  frozen: Teacher;
  imitated: Kept;
  /** Of an ensemble's member. */
  index?: number;
  /** Called before it is asked for longer than a person waits: whether it knows anything is to be said before that. */
  judged?: (() => Promise<void>) | undefined;
}

/**
 * The source of the targets; undefined where the run was asked to stop while the cache was being filled. Each member of an
 * ensemble has a cache of its own, of its exact answers: their mean is another one at each temperature.
 */
export async function teacherAnswers(
  run: PreparedRun,
  teacher: Pick<TeacherToAsk, 'frozen' | 'imitated' | 'judged'> & { models: readonly TeacherToAsk['model'][] },
): Promise<TargetSource | undefined> {
  const { frozen, imitated, models, judged } = teacher;
  // What it says is kept already.
  if (frozen instanceof AskedTeacher) return frozen.targets();
  if (!(frozen instanceof FrozenEnsemble || frozen instanceof OpaqueEnsemble))
    return answersOf(run, { model: models[0]!, frozen, imitated, judged });
  const sources: TargetSource[] = [];
  for (const [i, member] of frozen.members.entries()) {
    const model = models[i]!;
    const source = await answersOf(run, {
      model,
      frozen: member,
      imitated: { teacher: member.architecture, ...nothingInside },
      index: i,
    });
    if (!source) {
      for (const one of sources) await one.release();
      return undefined;
    }
    sources.push(source);
  }
  return frozen.targetsFrom(sources);
}

/** The teacher itself, asked in every step. */
export function askedTeacher(
  run: PreparedRun,
  { frozen, imitated, models }: Parameters<typeof teacherAnswers>[1],
): TargetSource {
  if (!(frozen instanceof FrozenEnsemble || frozen instanceof OpaqueEnsemble))
    return askOf(run, { model: models[0]!, frozen, imitated })();
  const members = frozen.members.map((member, i) => {
    return askOf(run, {
      model: models[i]!,
      frozen: member,
      imitated: { teacher: member.architecture, ...nothingInside },
    })();
  });
  return frozen.targetsFrom(members);
}

/** An ensemble stands for its first member too, which is asked by itself here. */
const exactly = ({ frozen, imitated }: TeacherToAsk): TargetSource =>
  frozen instanceof FrozenTeacher ? new TeacherTargets(frozen, imitated) : frozen.targets(imitated);

/** In the precision that the experiment names, with all that its student's program takes, or a cache keeps, of its answers. */
function askOf(run: PreparedRun, teacher: TeacherToAsk, onCost?: (cost: number) => void): Ask {
  const { frozen, imitated } = teacher;
  const { tokens, entropyOver } = imitated;
  const ask = askWholeOf(run, teacher);
  if (!tokens) return ask;
  // Nothing could be told of it any more.
  const withAll = (): TargetSource => (entropyOver === undefined ? ask() : withEntropies(ask(), frozen, entropyOver));
  return () => new ChosenTokensSource(withAll(), frozen, run.experiment.task, tokens, onCost);
}

function askWholeOf({ experiment }: PreparedRun, teacher: TeacherToAsk): Ask {
  const { precision } = experiment.teacher;
  const { frozen, imitated, model } = teacher;
  if (precision === 'float32' || !(frozen instanceof FrozenTeacher) || !('parameters' in model)) {
    return () => exactly(teacher);
  }
  return () => reducedTargets(precision, frozen, imitated, model.parameters);
}

async function answersOf(run: PreparedRun, teacher: TeacherToAsk): Promise<TargetSource | undefined> {
  const { task, dataset, distillation } = run.experiment;
  const { precision, cache } = run.experiment.teacher;
  const { frozen, imitated, model } = teacher;
  const ask = askOf(run, teacher);
  if (precision !== 'float32' && frozen instanceof FrozenTeacher && 'parameters' in model) {
    await reportReduced(run, frozen, precision, { exact: exactly(teacher), rounded: askWholeOf(run, teacher)() });
  }
  const settings = settingsOf(cache);
  if (!settings) return ask();
  if (distillation.onPolicy?.fraction === 1) return askAlways(run, ask, 'the student learns from its own texts alone');
  if (!canBeKept(task)) return askAlways(run, ask, 'masked-lm hides other tokens in each epoch');
  if (run.data.train.sample) return askAlways(run, ask, 'the rows are too many to ask about all of them first');
  const keep = (values: StoredValues): Promise<TargetSource | undefined> => {
    const { top } = settings;
    const layout = layoutCache(run.data.train, { imitated, task, maxLength: longestRow(dataset), values, top });
    return openCache(run, teacher, ask, settings, { model, index: teacher.index, values, layout });
  };
  // Of a prediction alone there is nothing that "auto" would round.
  const values = settings.values === 'auto' && !isInside(imitated) ? 'float32' : settings.values;
  try {
    return await keep(values).catch(async (error: unknown) => {
      if (values !== 'auto' || !(error instanceof RangeError)) throw error;
      await run.recorder.note(`what is imitated inside the teacher is kept in float32: ${error.message}`);
      return keep('float32');
    });
  } catch (error) {
    if (!isFileError(error) && !(error instanceof RangeError)) throw error;
    return askAlways(run, ask, `its answers cannot be kept (${error.message})`);
  }
}

type Ask = () => TargetSource;

async function askAlways({ recorder }: PreparedRun, ask: Ask, reason: string): Promise<TargetSource> {
  await recorder.note(`the teacher is asked in every step: ${reason}`);
  return ask();
}

async function openCache(
  run: PreparedRun,
  teacher: TeacherToAsk,
  ask: Ask,
  settings: CacheSettings,
  kept: ToKeep,
): Promise<TargetSource | undefined> {
  const { layout } = kept;
  const own = describeCache(run, kept);
  const reason = tooLarge(own.record, settings, layout);
  if (reason !== undefined) return askAlways(run, ask, reason);
  const { files, record } = (await openOthers(run, kept, own)) ?? (await openFiles(own, layout));
  const cache = { layout, store: files, task: record.task, imitated: teacher.imitated };
  const outcome = await fill(run, teacher, ask, cache, files, record).catch(async (error: unknown) => {
    await files.close();
    throw error;
  });
  const keptBy = (kept: CachedTargets | GrowingTargets): TargetSource =>
    new KeptAnswers(kept, files, ask, (line) => run.recorder.note(line));
  if (outcome === 'full') return keptBy(new CachedTargets(cache));
  if (typeof outcome === 'object' && 'rest' in outcome)
    return keptBy(new GrowingTargets(outcome.rest, new CachedTargets(cache)));
  await files.close();
  return outcome === 'stopped' ? undefined : askAlways(run, ask, outcome.reason);
}

interface OpenCache {
  files: TeacherCacheFiles;
  record: TeacherCacheRecord;
}

const openFiles = async ({ directory, record }: CacheLocation, { blocks }: CacheLayout): Promise<OpenCache> => ({
  files: await TeacherCacheFiles.open(directory, record, blocks),
  record,
});

/** The same answers as PyTorch has computed them, where they are all there and nothing is of this engine's own. */
async function openOthers(run: PreparedRun, kept: ToKeep, own: CacheLocation): Promise<OpenCache | undefined> {
  if (existsSync(own.directory)) return undefined;
  for (const location of await cachesOfOthers(run, kept, own)) {
    const open = await openFiles(location, kept.layout);
    if ((await open.files.filled()).size === location.record.blocks) return open;
    await open.files.close();
  }
  return undefined;
}

/** Asks the teacher for what is missing; what is left of that goes on while the student is trained, where it is little. */
async function fill(
  run: PreparedRun,
  teacher: TeacherToAsk,
  ask: Ask,
  cache: TeacherCacheSetup,
  files: TeacherCacheFiles,
  { bytes, blocks, examples, values, top, computedBy }: TeacherCacheRecord,
): Promise<'full' | 'stopped' | { reason: string } | { rest: FillSetup }> {
  const { data, recorder } = run;
  const { frozen, index } = teacher;
  const { entropyOver, tokens } = teacher.imitated;
  const missing = blocks - (await files.filled()).size;
  if (missing === 0) {
    const cost = await roundingText(files.directory);
    const by = computedBy?.[0] === 'torchrun' ? ' as PyTorch has computed them' : '';
    await recorder.note(`the teacher's answers are known${by}, ${formatBytes(bytes)} in ${files.directory}${cost}`);
    return 'full';
  }
  const needed = (bytes * missing) / blocks;
  const free = await freeSpace(files.directory);
  if (needed + SPARED_BYTES > free) {
    return { reason: `its answers would take ${formatBytes(needed)}, and the disk has ${formatBytes(free)} left` };
  }
  const what = `${formatCount(examples)} examples, ${formatBytes(bytes)} in ${files.directory}`;
  await recorder.note(`${missing < blocks ? 'going on to ask' : 'asking'} the teacher about ${what}`);
  const how = top !== undefined ? toMostProbable(top) : values === 'float16' ? toFloat16 : undefined;
  const rounding = how && !tokens ? new RoundingError(frozen, how) : undefined;
  const cost = new MeanCost();
  const asked = tokens ? askOf(run, teacher, (nats) => cost.add(nats)) : ask;
  const setup: FillSetup = {
    ...cache,
    examples: data.train,
    padId: data.tokenizer.padId,
    teacher: entropyOver === undefined || tokens ? asked() : withEntropies(asked(), frozen, entropyOver),
    mayGoOn: () => goesOn(run),
    onBlock: rounding && ((inputs, answers) => rounding.add(inputs, answers)),
  };
  // An ensemble's members are asked one after the other; what rounding costs is told of all answers, and whether hidden states fit float16 is seen in all of them.
  const isOne = index === undefined;
  const rest = isOne && values === 'float32' && !rounding ? new RestTimer() : undefined;
  let isFull = false;
  const found = { isLittle: false };
  if (!rest) await teacher.judged?.();
  try {
    const mayFill: FillSetup['mayGoOn'] = async (filled) => {
      found.isLittle = rest?.isLittle(blocks - filled) ?? false;
      if (rest?.isLong && !found.isLittle) await teacher.judged?.();
      return !found.isLittle && mayGoOn(run, filled, blocks, (index ?? 0) + 1);
    };
    // The training's first batch is of these: where that does not wait for the others, no program of another length is loaded before it.
    const [soon] = trainingBatches(run, run.experiment.training, 'student').batchesOf(0);
    isFull = await fillCache({ ...setup, mayGoOn: mayFill }, soon?.length);
  } finally {
    if (!found.isLittle) await setup.teacher.release();
  }
  if (cost.isKnown) {
    await cost.keep(files.directory);
    await recorder.note(`the teacher's answers are kept${await roundingText(files.directory)}`);
  }
  if (found.isLittle) {
    run.plan.leaveOut('answers');
    return { rest: setup };
  }
  await rounding?.keep(files.directory);
  if (rounding) await recorder.note(`the teacher's answers are kept${await roundingText(files.directory)}`);
  return isFull ? 'full' : 'stopped';
}

/** Blocks after which it can be told how long the others will take. The first has its program made. */
const TIMED_BLOCKS = 4;

/** Asking goes on beside the training where it would hold that up by less: so long a person may wait for a step, and for a stop. */
const LITTLE_MS = 30_000;

/** Tells from the first blocks whether it is little that is left. */
class RestTimer {
  private asked = 0;
  private started = 0;

  /** Whether it has been told that it is more. */
  get isLong(): boolean {
    return this.asked >= TIMED_BLOCKS;
  }

  /** Called before each block. */
  isLittle(left: number): boolean {
    if (this.asked++ === 1) this.started = performance.now();
    if (this.asked !== TIMED_BLOCKS) return false;
    return (left * (performance.now() - this.started)) / (TIMED_BLOCKS - 2) < LITTLE_MS;
  }
}

/** Waits while the run is paused. False where it is to stop. */
async function goesOn({ control }: PreparedRun): Promise<boolean> {
  await control.gate();
  return !control.stopping;
}

async function mayGoOn(run: PreparedRun, filled: number, blocks: number, member: number): Promise<boolean> {
  if (!(await goesOn(run))) return false;
  const { recorder, plan } = run;
  recorder.progress({
    role: 'student',
    phase: 'preparing',
    step: filled,
    steps: blocks,
    ...plan.at('answers', filled / blocks, member),
  });
  return true;
}
