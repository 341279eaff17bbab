/** @file Which cache a teacher's answers are kept in, what is kept of them, and how much that is; and where other engines have kept the same. */

import path from 'node:path';
import { cacheKey, type OpaqueIdentity } from '../../distill/teacher/cache-key';
import type { CacheLayout } from '../../distill/teacher/cache-layout';
import { isLanguageModel } from '../../distill/specs';
import type { ChosenTokens, ModelPair } from '../../distill/pairing';
import { canBeKept, type StoredValues } from '../../distill/teacher/records';
import { nameOfEndpoint } from '../../experiment/endpoint';
import { isTrained, membersOf } from '../../experiment/ensemble';
import type { TeacherCacheSpec } from '../../experiment/file/blocks/teacher';
import type { Experiment, ResolvedExperiment } from '../../experiment/file/schema';
import type { Architecture } from '../../model/architecture';
import type { FrozenModel } from '../../model/parameters';
import { torchrunEngine } from '../../protocol/torchrun';
import { formatBytes } from '../../protocol/format';
import { listCaches, teacherCaches, type TeacherCacheRecord } from '../../run-directory/teacher-cache-files';
import type { PreparedRun } from './prepared-run';

export interface CacheSettings {
  values: StoredValues;
  /** Logits of a position that are kept of an ensemble's member that gives them; absent: all. */
  top?: number | undefined;
  mostBytes: number;
}

export function settingsOf(cache: TeacherCacheSpec): CacheSettings | undefined {
  if (cache === false) return undefined;
  if (cache === true) return { values: 'auto', mostBytes: 20e9 };
  const { values, maxGigabytes, logits } = cache;
  return { values, top: logits !== 'all' && 'top' in logits ? logits.top : undefined, mostBytes: maxGigabytes * 1e9 };
}

/** Which tokens the student of one language model learns from; undefined where it is all of them, or where nothing is kept. */
export function chosenTokensOf(
  run: Pick<PreparedRun, 'experiment' | 'data' | 'torchrun'>,
  { student, ensemble }: Pick<ModelPair, 'student' | 'ensemble'>,
): ChosenTokens | undefined {
  return ensemble || run.torchrun || !wantsCache(run) ? undefined : tokensWanted(run.experiment, student);
}

/** The same before rows are known, and where it runs. */
export function tokensWanted(experiment: Experiment, student: Architecture): ChosenTokens | undefined {
  const { cache, source } = experiment.teacher;
  if (source === 'endpoint' || source === 'ensemble' || experiment.engine === torchrunEngine) return undefined;
  if (typeof cache === 'boolean' || cache.logits === 'all' || !canUseCache(experiment)) return undefined;
  if (!isLanguageModel(student)) return undefined;
  const { vocabularySize: vocabulary } = student;
  const { logits } = cache;
  const chosen =
    'top' in logits ? { by: 'top' as const, count: logits.top } : { by: 'sample' as const, count: logits.sample };
  return chosen.count < vocabulary ? { ...chosen, vocabulary } : undefined;
}

/** Whether the experiment asks for a cache, and its task and rows can have one; its size and the disk are not looked at yet. */
export function wantsCache({ experiment, data }: Pick<PreparedRun, 'experiment' | 'data'>): boolean {
  return canUseCache(experiment) && !data.train.sample;
}

/** The same before its rows are known. */
export function canUseCache({
  teacher,
  task,
  distillation,
}: Pick<ResolvedExperiment, 'teacher' | 'task' | 'distillation'>) {
  return teacher.cache !== false && canBeKept(task) && distillation.onPolicy?.fraction !== 1;
}

/** What a cache would be of. */
export interface ToKeep {
  model: FrozenModel | OpaqueIdentity;
  /** Of an ensemble's member. */
  index?: number | undefined;
  values: StoredValues;
  layout: CacheLayout;
}

export interface CacheLocation {
  directory: string;
  record: TeacherCacheRecord;
}

/** Before, sums of products in 8 bits overflowed on some processors, and what was kept of them is wrong (docs/decisions/0011). */
const EXACT_INT8 = 'int8, exact sums';

/** The run's own cache; or the one that another engine would keep the same in. */
export function describeCache(
  { experiment, data, paths, executor, torchrun }: PreparedRun,
  { model, index = 0, values, layout }: ToKeep,
  engine: string = torchrun ? 'torchrun' : executor.engine,
): CacheLocation {
  const { task, dataset, precision, teacher } = experiment;
  const { maxLength } = dataset;
  const byTeacher = teacher.precision === 'int8' ? EXACT_INT8 : teacher.precision;
  const computedBy = 'digests' in model ? ['onnxruntime, exact sums'] : [engine, precision, byTeacher];
  const key = cacheKey({ teacher: model, task, examples: data.train, maxLength, layout, values, computedBy });
  const record = {
    teacher: nameOfTeacher(experiment, paths.id, index),
    task,
    examples: data.train.length,
    bytes: layout.size,
    values,
    blocks: layout.blocks.length,
    ...keptOfPosition(layout),
    computedBy,
    created: new Date().toISOString(),
  };
  return { directory: path.join(teacherCaches(path.dirname(paths.directory)), key), record };
}

function keptOfPosition({ parts }: CacheLayout): Pick<TeacherCacheRecord, 'top' | 'drawn'> {
  const tokens = parts.find((part) => part.tokens)?.tokens;
  if (!tokens) return { top: parts.find(({ top }) => top !== undefined)?.top };
  return tokens.by === 'top' ? { top: tokens.count } : { drawn: tokens.count };
}

/**
 * Caches of the same answers that other engines have begun, where all compute in float32, so that they agree to rounding. Between PyTorch and
 * a built-in engine alone: what one of those computes is the same to the last bit whatever others have left there.
 */
export async function cachesOfOthers(run: PreparedRun, kept: ToKeep, own: CacheLocation): Promise<CacheLocation[]> {
  const found: CacheLocation[] = [];
  const { computedBy, ...wanted } = own.record;
  const reduced = computedBy!.slice(1).some((precision) => precision !== 'float32');
  if (reduced || computedBy!.length === 1) return found;
  for (const cache of await listCaches(path.dirname(own.directory))) {
    const engine: unknown = Array.isArray(cache.computedBy) ? cache.computedBy[0] : undefined;
    const isOther = typeof engine === 'string' && (engine === 'torchrun') !== (computedBy![0] === 'torchrun');
    if (!isOther || cache.bytes !== wanted.bytes || cache.blocks !== wanted.blocks) continue;
    // Its name proves what it is of.
    const place = describeCache(run, kept, engine);
    if (place.directory === cache.directory) found.push(place);
  }
  return found;
}

/** Why a cache is none, where it would be too large. */
export function tooLarge({ bytes }: TeacherCacheRecord, { mostBytes }: CacheSettings, layout: CacheLayout) {
  if (bytes <= mostBytes) return undefined;
  const limit = `more than the ${formatBytes(mostBytes)} of teacher.cache.maxGigabytes${lessOf(layout)}`;
  return `its answers would take ${formatBytes(bytes)}, ${limit}`;
}

/** Of logits over a vocabulary some would do. */
function lessOf({ parts }: CacheLayout): string {
  const logits = parts.find(({ name, top, width }) => name === 'prediction' && top === undefined && width > 4096);
  return logits ? '; "logits": {"top": 64} beside it keeps less' : '';
}

/** Where a person would look for this teacher. */
export function nameOfTeacher(experiment: ResolvedExperiment, run: string, index: number): string {
  const teacher = membersOf(experiment.teacher)[index]!.member;
  if (isTrained(teacher)) return run;
  if (teacher.source === 'run') return `${path.basename(teacher.run)} (${teacher.role})`;
  if (teacher.source === 'endpoint') return nameOfEndpoint(teacher);
  return experiment.models?.find((one) => one.path === teacher.path)?.asked ?? teacher.path;
}
