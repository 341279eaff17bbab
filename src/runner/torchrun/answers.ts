/** @file Where Python keeps what the teacher says, as job.json has it: in the caches of the built-in engines, which it reads and fills. */

import path from 'node:path';
import { imitatedOf, isInside, type Pairing } from '../../distill/pairing';
import { layoutCache, type CacheLayout } from '../../distill/teacher/cache-layout';
import { rowsOfExample, type StoredValues } from '../../distill/teacher/records';
import type { Examples } from '../../dataset/example-store';
import { writeSafetensors } from '../../model/files/safetensors';
import type { FrozenModel } from '../../model/parameters';
import type { Task } from '../../protocol/records';
import { requireOwnedTree } from '../../run-directory/owned';
import { cachesOfOthers, describeCache, settingsOf, tooLarge, wantsCache } from '../run/cache-location';
import type { PreparedRun } from '../run/prepared-run';

export const LAYOUT = 'answers.safetensors';

/**
 * Writes into the folder of a training where each row's record lies, and gives what job.json says of the caches; undefined where the teacher is asked in every step.
 * @param caches a folder of their own for them, which is empty at first; absent: those of the run's workspace
 */
export async function writeAnswers(
  run: PreparedRun,
  { pairing, teacher }: { pairing: Pairing; teacher?: FrozenModel | undefined },
  folder: string,
  caches?: string,
): Promise<Record<string, unknown> | undefined> {
  const { experiment, data, recorder } = run;
  const settings = settingsOf(experiment.teacher.cache);
  if (!settings || !teacher || !pairing.objective || !wantsCache(run)) return undefined;
  const imitated = imitatedOf(pairing);
  const { task, dataset } = experiment;
  const layoutOf = (values: StoredValues): CacheLayout =>
    layoutCache(data.train, { imitated, task, maxLength: dataset.maxLength, values, top: settings.top });
  const isRounded = settings.values === 'auto' && isInside(imitated);
  // Hidden states and scores that are too large for float16 are kept in float32.
  const kinds: StoredValues[] = isRounded
    ? ['auto', 'float32']
    : [settings.values === 'auto' ? 'float32' : settings.values];
  const described: Record<string, unknown>[] = [];
  for (const values of kinds) {
    const kept = { model: teacher, values, layout: layoutOf(values) };
    const own = describeCache(run, kept);
    const reason = tooLarge(own.record, settings, kept.layout);
    if (reason !== undefined) {
      if (described.length === 0) await recorder.note(`the teacher is asked in every step: ${reason}`);
      break;
    }
    const others = caches === undefined ? await cachesOfOthers(run, kept, own) : [];
    for (const { directory, record } of [...others, own]) {
      if (caches === undefined) await requireOwnedTree(directory);
      const cache = caches === undefined ? directory : path.join(caches, path.basename(directory));
      described.push({
        folder: path.relative(folder, cache).split(path.sep).join('/'),
        parts: kept.layout.parts,
        computedBy: record.computedBy![0],
        record: directory === own.directory ? record : null,
      });
    }
  }
  if (described.length === 0) return undefined;
  await writeLayout(path.join(folder, LAYOUT), data.train, layoutOf(kinds[0]!), task);
  return { layout: LAYOUT, caches: described };
}

/** `rows` int32 [N], in the order of their records; `predictions` int32 [N], how many of each row count; `blocks` int32 [B, 3]: tokens a row, rows of the batch, and the first of its rows in `rows`. */
export async function writeLayout(
  file: string,
  examples: Examples,
  { blocks }: CacheLayout,
  task: Task,
): Promise<void> {
  const rows = Int32Array.from(blocks.flatMap((block) => block.examples));
  const counts = Int32Array.from(rows, (_, i) => rowsOfExample(examples.at(i)!, task).predictions);
  let first = 0;
  const described = blocks.flatMap((block) => {
    const row = [block.length, block.rows, first];
    first += block.examples.length;
    return row;
  });
  await writeSafetensors(file, {
    rows: { shape: [rows.length], data: rows },
    predictions: { shape: [counts.length], data: counts },
    blocks: { shape: [blocks.length, 3], data: Int32Array.from(described) },
  });
}
