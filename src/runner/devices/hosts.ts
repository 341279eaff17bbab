/** @file The hosts that the person has named for trainings over ssh, with what was last found there: kept for this machine, in no workspace. */

import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import * as z from 'zod';
import { dataFolder } from '../../engine/libraries';
import { writeAtomically } from '../../model/files/atomic';
import type { Complaint } from '../../protocol/problem';
import type { HostFacts, HostRecord } from '../../protocol/machine-records';
import { hostPattern } from '../../protocol/torchrun';

const fileSchema = z.object({
  hosts: z.array(
    z.object({
      name: z.string().regex(hostPattern),
      asked: z.string(),
      problems: z.array(z.custom<Complaint>((value) => typeof value === 'object' && value !== null && 'code' in value)),
      found: z
        .object({
          time: z.string(),
          python: z.string(),
          torch: z.string().optional(),
          gpus: z.array(z.object({ name: z.string(), bytes: z.number() })),
          cores: z.number().optional(),
          freeBytes: z.number().optional(),
        })
        .optional(),
    }),
  ),
});

const file = (): string => path.join(dataFolder(), 'hosts.json');

/** By name; a missing or damaged file knows none. */
export async function knownHosts(): Promise<HostRecord[]> {
  try {
    return fileSchema.parse(JSON.parse(await readFile(file(), 'utf8'))).hosts;
  } catch {
    return [];
  }
}

export async function keepHost(record: HostRecord): Promise<void> {
  const others = (await knownHosts()).filter(({ name }) => name !== record.name);
  await write([...others, record].sort((a, b) => a.name.localeCompare(b.name)));
}

/** What an interpreter there has said. */
type HostFound = Pick<HostFacts, 'python' | 'torch' | 'cores'> & { gpus: readonly HostFacts['gpus'][number][] };

/** Of one that a training is about to begin on. Where that cannot be kept the training begins all the same. */
export async function rememberHost(name: string, found: HostFound): Promise<void> {
  const before = (await knownHosts()).find((host) => host.name === name);
  const { python, torch, gpus, cores } = found;
  const time = new Date().toISOString();
  const facts = { ...before?.found, time, python, torch, gpus: [...gpus], cores };
  await keepHost({ name, asked: time, problems: [], found: facts }).catch(() => undefined);
}

export async function forgetHost(name: string): Promise<{ host: string; forgotten: boolean }> {
  const known = await knownHosts();
  const others = known.filter((host) => host.name !== name);
  if (others.length < known.length) await write(others);
  return { host: name, forgotten: others.length < known.length };
}

async function write(hosts: readonly HostRecord[]): Promise<void> {
  await mkdir(path.dirname(file()), { recursive: true });
  await writeAtomically(file(), `${JSON.stringify({ hosts }, undefined, 2)}\n`);
}
