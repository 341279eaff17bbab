/**
 * @file One training run a device, and one a host that this machine's person trains on: others wait in the order in which they came.
 *
 * Who wants a device leaves a ticket `TIME.NAME.json` in the device's folder (processes.ts has the name). The first living one's turn
 * it is, and it takes the folder's lock: tickets give the order, the lock alone gives the device, so that no order of events gives it
 * to two. Tickets and locks of dead processes count for nothing. A home may be shared by machines and containers: each has folders of
 * its own, for none sees the others' processes, and a wait for one that was killed there would have no end.
 */

import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { dataFolder } from '../../engine/libraries';
import { acquireLock, lockHolder, LockedError, type Lock } from '../../run-directory/lock';
import { readName, stateOf, thisProcess, writtenName } from '../../run-directory/processes';
import { readJson } from '../../run-directory/run-directory';
import { runPaths } from '../../run-directory/run-paths';
import type { DeviceKind } from '../../protocol/engines';
import type { DeviceUser } from '../../protocol/machine-records';

/** In milliseconds. */
const LOOK_PERIOD = 500;

const devices: readonly DeviceKind[] = ['cpu', 'gpu'];

/** What is waited for: a device of this machine, or a host elsewhere, whose runs take nothing of it but a little of its processor. */
export type Queued = DeviceKind | { host: string };

async function folderOf(device: Queued): Promise<string> {
  const { machine, boot, space } = (await thisProcess()).countedIn;
  // After the next start the folder is the same, unless only the start tells machines apart.
  return path.join(dataFolder(), 'devices', `${/[^0]/.test(machine) ? machine : boot}-${space}`, nameOf(device));
}

const nameOf = (device: Queued): string => (typeof device === 'string' ? device : `host-${device.host}`);

interface Ticket extends DeviceUser {
  file: string;
}

/** Who is before a run that waits. */
export interface Ahead {
  /** The last of them: all others go before that one. Undefined where the device is held by someone without a ticket. */
  user: DeviceUser | undefined;
  /** How many they are. */
  count: number;
  /** Of them a paused run has the device. */
  paused: string | undefined;
}

/**
 * Waits until the device is free and takes it; `waiting` is told who is before it, whenever that changes. Undefined where the signal
 * ended the wait. A device is free again when the lock is released or its process has ended.
 */
export async function takeDevice(
  device: Queued,
  user: Omit<DeviceUser, 'pid'>,
  waiting: (ahead: Ahead) => void,
  signal: AbortSignal,
): Promise<Lock | undefined> {
  const folder = await folderOf(device);
  await mkdir(folder, { recursive: true });
  const file = await leaveTicket(folder, user);
  const leave = (): Promise<void> => rm(file, { force: true });
  let told: string | undefined;
  while (!signal.aborted) {
    const before = await whoIsAhead(folder, file);
    if (before.length === 0) {
      const lock = await tryLock(folder);
      if (lock) return { release: () => Promise.all([lock.release(), leave()]).then(() => undefined) };
    }
    const user = before.at(-1);
    const ahead = { user, count: before.length, paused: before[0] && (await pausedName(before[0])) };
    const news = [user?.file, ahead.count, ahead.paused].join(' ');
    if (told !== news) waiting(ahead);
    told = news;
    await delay(LOOK_PERIOD, undefined, { signal }).catch(() => undefined);
  }
  await leave();
  return undefined;
}

/** Who trains on a device now; undefined where nobody does. */
export async function deviceUser(device: DeviceKind): Promise<DeviceUser | undefined> {
  const folder = await folderOf(device);
  const holder = await lockHolder(folder);
  if (holder === undefined) return undefined;
  const ticket = (await livingTickets(folder)).find((one) => one.pid === holder.pid);
  return ticket && { run: ticket.run, directory: ticket.directory, pid: holder.pid };
}

export async function isAnyDeviceHeld(): Promise<boolean> {
  const holders = devices.map(async (device) => lockHolder(await folderOf(device)));
  return (await Promise.all(holders)).some((holder) => holder !== undefined);
}

async function leaveTicket(folder: string, user: Omit<DeviceUser, 'pid'>): Promise<string> {
  const own = await thisProcess();
  // Milliseconds since 1970 have 13 digits until the year 2286, so that names sort by time.
  const file = path.join(folder, `${Date.now()}.${writtenName(own)}.json`);
  await writeFile(file, JSON.stringify({ ...user, pid: own.pid }));
  return file;
}

async function whoIsAhead(folder: string, own: string): Promise<Ticket[]> {
  const tickets = await livingTickets(folder);
  return tickets.filter(({ file }) => file < own);
}

/** The run's name where it is paused. */
async function pausedName({ run, directory }: Ticket): Promise<string | undefined> {
  if (directory === '') return undefined;
  const record = (await readJson(runPaths(directory).record)) as { status?: unknown } | undefined;
  return record?.status === 'paused' ? run : undefined;
}

async function tryLock(folder: string): Promise<Lock | undefined> {
  try {
    return await acquireLock(folder);
  } catch (error) {
    if (error instanceof LockedError) return undefined;
    throw error;
  }
}

const ticketName = /^\d{13}\.(.+)\.json$/;

/** In the order in which they came; those of dead processes are removed. */
async function livingTickets(folder: string): Promise<Ticket[]> {
  const names = (await readdir(folder).catch((): string[] => [])).filter((name) => ticketName.test(name)).sort();
  const read = names.map(async (name) => {
    const file = path.join(folder, name);
    const process = readName(ticketName.exec(name)![1]!);
    if (process && (await stateOf(process)) === 'running') return readTicket(file, process.pid);
    await rm(file, { force: true });
    return undefined;
  });
  return (await Promise.all(read)).filter((ticket) => ticket !== undefined);
}

/** One that is being written has no content yet, but its place. */
async function readTicket(file: string, pid: number): Promise<Ticket> {
  const text = await readFile(file, 'utf8').catch(() => '');
  try {
    return { ...(JSON.parse(text) as DeviceUser), pid, file };
  } catch {
    return { run: '', directory: '', pid, file };
  }
}
