/** @file `devices`: what can compute on this machine, how fast, for whom, and what to do about what cannot. */

import {
  engineFacts,
  engineNames,
  enginesWith,
  precisions,
  type DeviceKind,
  type EngineName,
} from '../../protocol/engines';
import { formatBytes, formatCount, formatMilliseconds } from '../../protocol/format';
import type { Complaint } from '../../protocol/problem';
import type { DeviceRecord, DeviceUser, HostRecord } from '../../protocol/machine-records';
import { installedLibrary } from '../../engine/libraries';
import { hindranceOf } from '../devices/candidates';
import { isCompared } from '../devices/choose-engine';
import { compareEngines, measureEngines } from '../devices/measure';
import { remembered, type Measurement } from '../devices/measurements';
import { libraryOf } from '../../protocol/libraries';
import { memoryOf, nvidiaMemory } from '../devices/memory';
import { tryEngineApart, tryEnginesTogether, type Trial } from '../devices/trial';
import { deviceUser } from '../devices/queue';

export interface DevicesOptions {
  /** Measure every engine that can be opened, whatever is remembered. */
  measure?: boolean;
  /** Told what is being measured. */
  note?: (line: string) => void;
}

interface Surroundings {
  gpus: readonly number[];
  users: Readonly<Record<DeviceKind, DeviceUser | undefined>>;
  /** What one process has found of the engines, one after the other, as far as that is certain. */
  tried: ReadonlyMap<EngineName, Trial>;
}

export async function listDevices({ measure, note }: DevicesOptions = {}): Promise<{ devices: DeviceRecord[] }> {
  const around: Surroundings = {
    gpus: await nvidiaMemory(),
    users: { cpu: await deviceUser('cpu'), gpu: await deviceUser('gpu') },
    tried: await tryEnginesTogether(engineNames.filter((engine) => !hindranceOf(engine))),
  };
  const devices = await Promise.all(engineNames.map((engine) => look(engine, around)));
  if (measure) await measureAll(note ?? (() => undefined));
  const { measurements } = await remembered();
  return { devices: devices.map((device) => ({ ...device, speeds: speedsOf(device, measurements) })) };
}

async function look(engine: EngineName, { gpus, users, tried }: Surroundings): Promise<DeviceRecord> {
  const { device, precisions: able } = engineFacts[engine];
  const library = libraryRecord(engine);
  const common = { engine, device, precisions: [...able], speeds: [], library };
  const none = { name: engine, available: false as const };
  const hindrance = hindranceOf(engine);
  if (hindrance) return { ...common, ...none, ...unavailable(hindrance) };
  const found = tried.get(engine) ?? (await tryEngineApart(engine, { precision: 'float32', measure: false }));
  if (!found.available) return { ...common, ...none, ...unavailable(found.problem) };
  const memoryBytes = found.memoryBytes ?? memoryOf(engine, gpus);
  return {
    ...common,
    name: found.device,
    available: true,
    reason: null,
    memoryBytes,
    software: found.software ? true : undefined,
    inUseBy: users[device],
  };
}

function unavailable(problem: Complaint): Pick<DeviceRecord, 'reason' | 'problem' | 'install'> {
  const install = problem.actions.find((action) => 'install' in action)?.install;
  return {
    reason: `${problem.message} ${problem.remedy}`,
    problem,
    install: typeof install === 'string' ? install : undefined,
  };
}

function libraryRecord(engine: EngineName): DeviceRecord['library'] {
  const name = libraryOf[engine];
  const installed = name && installedLibrary(name);
  return installed && !installed.isPackaged ? { name, version: installed.version } : undefined;
}

async function measureAll(note: (line: string) => void): Promise<void> {
  for (const precision of precisions) {
    const engines = enginesWith(precision).filter((engine) => !hindranceOf(engine));
    await measureEngines(engines, precision, (engine) => note(`measuring ${engine}, ${precision}`));
    const compared = engines.filter(isCompared);
    if (compared.length < 2) continue;
    note(`comparing ${compared.join(', ')}, ${precision}`);
    await compareEngines(compared, [], precision);
  }
}

function speedsOf({ engine, name }: DeviceRecord, measurements: readonly Measurement[]): DeviceRecord['speeds'] {
  return measurements
    .filter((one) => one.engine === engine && one.device === name)
    .map(({ precision, stepMs, tokensPerSecond, time }) => ({ precision, stepMs, tokensPerSecond, time }));
}

/** One line a device. */
export function deviceText({ engine, name, reason, memoryBytes, speeds, inUseBy, software }: DeviceRecord): string {
  if (reason !== null) return `${engine}\t${reason}`;
  const parts = [
    name,
    memoryBytes !== undefined && formatBytes(memoryBytes),
    software && 'imitated by the CPU',
    ...speeds.map(
      ({ precision, stepMs, tokensPerSecond }) =>
        `${precision} ${formatMilliseconds(stepMs)} a small step, ${formatCount(tokensPerSecond)} tokens/s`,
    ),
    inUseBy && `in use by ${inUseBy.run}`,
  ];
  return `${engine}\t${parts.filter(Boolean).join(' · ')}`;
}

/** What was last found on a host, and what is missing there. */
export function hostText({ name, found, problems }: HostRecord): string {
  const parts = found && [
    ...(found.gpus.length > 0
      ? found.gpus.map((gpu) => `${gpu.name} ${formatBytes(gpu.bytes)}`)
      : [found.cores !== undefined && `no GPU, ${formatCount(found.cores)} cores`]),
    found.torch !== undefined && `PyTorch ${found.torch}`,
    found.freeBytes !== undefined && `${formatBytes(found.freeBytes)} free`,
  ];
  const lines = [`${name}\t${(parts ?? []).filter(Boolean).join(' · ')}`];
  return [...lines, ...problems.map(({ message, remedy }) => `  ${message} ${remedy}`)].join('\n');
}
