/**
 * @file The engine that a first run begins with, so that no step waits for a comparison: on every processor of its kind that was measured it was the
 * fastest. It is opened without a trial in a process of its own, and so each process that begins with it leaves a file while it lives: where one has ended
 * hard, as by a library that crashes, engines are compared first.
 */

import { readdirSync, rmSync } from 'node:fs';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { dataFolder } from '../../engine/libraries';
import { processorFeatures } from '../../engine/openvino/cache';
import type { EngineName } from '../../protocol/engines';
import { readName, stateOf, thisProcess, writtenName } from '../../run-directory/processes';

/** What can be known of a machine without a process. */
export interface MachineFacts {
  /** False where there is no GPU, or at most one that the processor imitates. */
  mayHaveGpu: boolean;
  /** Whether the processor is of a kind on which the expected engine was the fastest in all that was measured: x64 with AVX2. */
  isOfKnownKind: boolean;
}

/** By which drivers reach a GPU on Linux: render nodes, NVIDIA's own files, that of Windows' subsystem. */
const gpuFile = /^(renderD\d+|nvidia.*|dxg)$/;

/** @param devices the folder of the system's devices */
export function machineFacts(devices = '/dev'): MachineFacts {
  const isLinux = process.platform === 'linux' && process.arch === 'x64';
  return {
    mayHaveGpu: !isLinux || hasGpuFile(devices),
    // Elsewhere no file names the processor's instructions.
    isOfKnownKind: isLinux && /\bavx2\b/.test(processorFeatures()),
  };
}

function hasGpuFile(devices: string): boolean {
  try {
    const names = readdirSync(devices);
    const nodes = names.includes('dri') ? readdirSync(path.join(devices, 'dri')) : [];
    return [...names, ...nodes].some((name) => gpuFile.test(name));
  } catch {
    return true;
  }
}

const EXPECTED: EngineName = 'openvino';

/** Of engines that nothing is known of, the one to begin with; undefined where they are to be compared first. */
export async function expectedOf(
  engines: readonly EngineName[],
  { isOfKnownKind }: MachineFacts,
): Promise<EngineName | undefined> {
  if (!isOfKnownKind || !engines.includes(EXPECTED) || (await hasEndedHard())) return undefined;
  await leaveFile();
  return EXPECTED;
}

const begun = (): string => path.join(dataFolder(), 'begun');

/** Whether a process that began with it has; one that is not seen from here may have. Told once. */
async function hasEndedHard(): Promise<boolean> {
  const names = await readdir(begun()).catch((): string[] => []);
  const ended: string[] = [];
  for (const name of names) {
    const found = readName(name);
    if (!found || (await stateOf(found)) !== 'running') ended.push(name);
  }
  for (const name of ended) await rm(path.join(begun(), name), { force: true }).catch(() => undefined);
  return ended.length > 0;
}

let left: string | undefined;

function takeBack(): void {
  try {
    rmSync(left!, { force: true });
  } catch {
    // The next start compares first.
  }
}

/** For as long as this process lives, however it ends but hard. Where that cannot be written, nothing is known of its end. */
async function leaveFile(): Promise<void> {
  const file = path.join(begun(), writtenName(await thisProcess()));
  try {
    await mkdir(begun(), { recursive: true });
    await writeFile(file, '');
  } catch {
    return;
  }
  if (left === undefined) process.once('exit', takeBack);
  left = file;
}
