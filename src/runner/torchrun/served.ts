/**
 * @file What a teacher behind a server says of all rows, written down beside a job: this process asks it, and Python reads the answers. One server is
 * so asked once by one client, however many workers there are, and no worker needs a key or a way there.
 */

import path from 'node:path';
import { AskedTeacher } from '../../distill/teacher/asked-teacher';
import { layoutCache } from '../../distill/teacher/cache-layout';
import type { RecordPart } from '../../distill/teacher/records';
import type { Teacher } from '../../distill/teacher/teacher';
import { nothingInside } from '../../distill/pairing';
import { logitsWidth } from '../../distill/specs';
import type { Examples } from '../../dataset/example-store';
import { countedPositions, type TokenExample } from '../../dataset/examples';
import { TeacherCacheFiles } from '../../run-directory/teacher-cache-files';
import { nameOfTeacher } from '../run/cache-location';
import type { PreparedRun } from '../run/prepared-run';
import { LAYOUT, writeLayout } from './answers';

/** Of a job's folder that all trainings of the run share. */
export const SERVED = 'served';

/**
 * Writes the answers to the training rows, where the student learns from them, and to the validation rows, where they are not there. The teacher
 * has been asked about all of them before.
 * @returns what job.json says of them; undefined of a teacher that Python asks itself
 */
export async function writeServed(
  run: PreparedRun,
  { frozen, learns }: { frozen: Teacher | undefined; learns: boolean },
  { shared, folder }: { shared: string; folder: string },
): Promise<Record<string, unknown> | undefined> {
  if (!(frozen instanceof AskedTeacher)) return undefined;
  const { train, validation } = run.data;
  const write = async (name: string, examples: Examples): Promise<Record<string, unknown>> => {
    const answers = path.join(shared, SERVED, name);
    const parts = await writeAnswersTo(answers, run, frozen, examples);
    const here = path.relative(folder, answers).split(path.sep).join('/');
    const cache = { folder: here, parts, computedBy: 'endpoint', record: null };
    return { layout: `${here}/${LAYOUT}`, caches: [cache] };
  };
  return { train: learns ? await write('train', train) : null, validation: await write('validation', validation) };
}

async function writeAnswersTo(
  cache: string,
  { experiment, paths }: PreparedRun,
  { architecture, source }: AskedTeacher,
  examples: Examples,
): Promise<readonly RecordPart[]> {
  const { task, dataset } = experiment;
  const top = task === 'causal-lm' ? source.kept : undefined;
  const imitated = { teacher: architecture, ...nothingInside };
  const layout = layoutCache(examples, { imitated, task, maxLength: dataset.maxLength, values: 'float32', top });
  const record = {
    teacher: nameOfTeacher(experiment, paths.id, 0),
    task,
    examples: examples.length,
    bytes: layout.size,
    values: 'float32' as const,
    blocks: layout.blocks.length,
    top,
    created: new Date().toISOString(),
  };
  const recordOf = async ({ inputIds, labels }: TokenExample): Promise<readonly Uint8Array[]> => {
    if (task === 'causal-lm') return source.records(inputIds, countedPositions(labels));
    const logits = new Float32Array(logitsWidth(architecture));
    await source.answer(inputIds, [0], [logits]);
    return [new Uint8Array(logits.buffer)];
  };
  const store = await TeacherCacheFiles.open(cache, record, layout.blocks, 0);
  try {
    const filled = await store.filled();
    for (const [index, block] of layout.blocks.entries()) {
      if (filled.has(index)) continue;
      const records: Uint8Array[] = [];
      for (const one of block.examples) records.push(...(await recordOf(examples.at(one)!)));
      await store.writeBlock(index, block.start, Buffer.concat(records));
    }
  } finally {
    await store.close();
  }
  await writeLayout(path.join(cache, LAYOUT), examples, layout, task);
  return layout.parts;
}
