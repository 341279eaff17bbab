/** @file Whether a process that left its name somewhere still runs, as far as that can be known from here. */

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile, readlink } from 'node:fs/promises';
import { hostname } from 'node:os';
import { promisify } from 'node:util';

/** Names one process for ever: where its id counts, its id, and when it began, which tells it from a later one with the same id. */
export interface ProcessName {
  pid: number;
  start: string;
  countedIn: ProcessSpace;
}

/**
 * Where process ids are counted, each part as eight hexadecimal digits; `unknown` stands for what the system does not say. Containers
 * of one machine have its boot, and a space of ids each.
 */
interface ProcessSpace {
  machine: string;
  boot: string;
  space: string;
}

const unknown = '00000000';
const unknownStart = 'unknown';

/** `unseen`: on another machine or in another container, or gone with it. */
export type ProcessState = 'running' | 'ended' | 'unseen';

let own: Promise<ProcessName> | undefined;

export function thisProcess(): Promise<ProcessName> {
  return (own ??= nameThis());
}

async function nameThis(): Promise<ProcessName> {
  const [start, countedIn] = await Promise.all([processStart(process.pid), thisSpace()]);
  return { pid: process.pid, start: start ?? unknownStart, countedIn };
}

async function thisSpace(): Promise<ProcessSpace> {
  if (process.platform !== 'linux') {
    // Their containers are machines of their own.
    const machine = hashOf(hostname());
    return { machine, boot: unknown, space: machine };
  }
  const [id, boot, space] = await Promise.all([
    readFile('/etc/machine-id', 'utf8').catch(() => ''),
    readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => ''),
    readlink('/proc/self/ns/pid').catch(() => ''),
  ]);
  return {
    // An image may bring its id along to all machines: the name tells them apart.
    machine: id.trim() === '' ? unknown : hashOf(id + hostname()),
    boot: boot === '' ? unknown : hashOf(boot),
    space: space === '' ? unknown : hashOf(space),
  };
}

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, unknown.length);

export async function stateOf(name: ProcessName): Promise<ProcessState> {
  const here = (await thisProcess()).countedIn;
  const there = name.countedIn;
  const countsHere =
    here.space !== unknown &&
    here.space === there.space &&
    (here.boot === unknown ? here.machine === there.machine : here.boot === there.boot);
  if (countsHere) return (await isRunningHere(name)) ? 'running' : 'ended';
  // What ran before this machine was started is gone.
  const isEarlier = here.machine === there.machine && here.boot !== there.boot;
  const isKnown = ![here.machine, here.boot, there.boot].includes(unknown);
  return isEarlier && isKnown ? 'ended' : 'unseen';
}

async function isRunningHere({ pid, start }: ProcessName): Promise<boolean> {
  if (!isAlive(pid)) return false;
  const actual = await processStart(pid);
  return actual === start || actual === undefined || start === unknownStart;
}

/** A process's name as part of a file's: `PID.START.MACHINE-BOOT-SPACE`. */
export const writtenName = ({ pid, start, countedIn }: ProcessName): string =>
  `${pid}.${start}.${countedIn.machine}-${countedIn.boot}-${countedIn.space}`;

const pattern = /^(\d+)\.([^.]+)\.([\da-f]{8})-([\da-f]{8})-([\da-f]{8})$/;

/** Undefined for what is no such name. */
export function readName(written: string): ProcessName | undefined {
  const [, pid, start, machine, boot, space] = pattern.exec(written) ?? [];
  if (pid === undefined) return undefined;
  return { pid: Number(pid), start: start!, countedIn: { machine: machine!, boot: boot!, space: space! } };
}

/** Whether a process with this id runs, whoever owns it. */
export function isAlive(pid: number): boolean {
  if (pid <= 0) return false; // would ask about process groups
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** When a process began, in the system's own terms; undefined where the system does not say (then the id alone counts). */
async function processStart(pid: number): Promise<string | undefined> {
  try {
    if (process.platform === 'linux') {
      // Field 22, in clock ticks since boot (man proc_pid_stat); the second field, a name in brackets, may hold anything.
      const text = await readFile(`/proc/${pid}/stat`, 'utf8');
      return text.slice(text.lastIndexOf(')') + 2).split(' ')[19];
    }
    if (process.platform === 'win32') return undefined;
    const { stdout } = await promisify(execFile)('ps', ['-o', 'lstart=', '-p', String(pid)], {
      env: { ...process.env, LC_ALL: 'C' },
    });
    return stdout.trim().replace(/\W+/g, '-') || undefined;
  } catch {
    return undefined;
  }
}
