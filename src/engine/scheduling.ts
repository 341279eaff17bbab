/**
 * @file How OpenVINO's threads share a processor with other programs, on Linux: none waits for a whole turn of another program where
 * those that it computes with have to wait for it. docs/decisions/0036 says what each part of it gains, and why it is for no other engine.
 */

import os from 'node:os';
import { koffi } from './native-calls';
import { processThreads } from './process-threads';

interface SystemNumbers {
  architecture: number;
  schedYield: number;
  schedSetattr: number;
  seccomp: number;
}

/** By architecture, the numbers that the kernel has for itself and for what is asked of it (`asm/unistd.h`, `linux/audit.h`). */
const numbers: Partial<Record<string, SystemNumbers>> = {
  x64: { architecture: 0xc000003e, schedYield: 24, schedSetattr: 314, seccomp: 317 },
  arm64: { architecture: 0xc00000b7, schedYield: 124, schedSetattr: 274, seccomp: 277 },
};

/** What kernels since 6.12 take for a thread's turn at the least, in nanoseconds; theirs is some milliseconds. */
const SHORTEST_TURN = 100_000n;

const SCHED_FLAG_KEEP_POLICY = 8n;

type Syscall = (number: number, ...typesAndValues: unknown[]) => number;

interface Kernel {
  numbers: SystemNumbers;
  syscall: Syscall;
  prctl: Syscall;
}

/** Undefined where it is another system or another C library than glibc. */
function kernel(): Kernel | undefined {
  const known = numbers[process.arch];
  if (process.platform !== 'linux' || !known) return undefined;
  try {
    const glibc = koffi.load('libc.so.6');
    return {
      numbers: known,
      syscall: glibc.func('long syscall(long number, ...)') as Syscall,
      prctl: glibc.func('int prctl(int option, ...)') as Syscall,
    };
  } catch {
    return undefined;
  }
}

/**
 * Has the process's threads take the processor in the shortest turns, those that they start later as well. They get no more of it for
 * that, but a thread that was waiting for another goes on as soon as it may, not when the turn of a busy program has ended. Kernels before
 * 6.12 pay no regard to it. Real-time and idle threads stay what they are.
 */
export function takeShortTurns(): void {
  const { numbers, syscall } = kernel() ?? {};
  if (!syscall || !numbers) return;
  for (const thread of processThreads()) {
    try {
      // `struct sched_attr`: size, policy, flags (8 bytes), nice, priority, runtime, deadline, period.
      const attributes = Buffer.alloc(48);
      attributes.writeUInt32LE(attributes.length, 0);
      attributes.writeBigUInt64LE(SCHED_FLAG_KEEP_POLICY, 8);
      attributes.writeInt32LE(os.getPriority(thread), 16);
      attributes.writeBigUInt64LE(SHORTEST_TURN, 24);
      syscall(numbers.schedSetattr, 'int', thread, 'void *', attributes, 'uint', 0);
    } catch {
      // A thread that has ended meanwhile.
    }
  }
}

const PR_SET_NO_NEW_PRIVS = 38;
const SECCOMP_SET_MODE_FILTER = 1;
const SECCOMP_FILTER_FLAG_TSYNC = 1;
/** Without it, kernels before 5.16 slow the process down against a side channel. */
const SECCOMP_FILTER_FLAG_SPEC_ALLOW = 4;

/** Instructions of the filter (`linux/bpf_common.h`, `linux/seccomp.h`): what to do, and the two numbers of instructions to leave out. */
const LOAD = 0x20;
const IF_EQUAL = 0x15;
const RETURN = 0x06;
const ALLOW = 0x7fff0000;
/** The call returns 0, and nothing is done. */
const DO_NOTHING = 0x00050000;
const OFFSET_OF_NUMBER = 0;
const OFFSET_OF_ARCHITECTURE = 4;

let yields = true;

/**
 * From now on the process's threads give nothing up by `sched_yield`, those of its children neither: the kernel lets it return at once.
 * oneTBB's threads call it a hundred times while one waits for the other, and since 6.18 (in some form before) each call gives a
 * whole turn away that the thread does not get back. They sleep after the hundredth as before. Where the system permits no such filter,
 * nothing changes.
 */
export function keepTurns(): void {
  const { numbers, syscall, prctl } = kernel() ?? {};
  if (!yields || !numbers || !syscall || !prctl) return;
  yields = false;
  const filter = [
    [LOAD, 0, 0, OFFSET_OF_ARCHITECTURE],
    [IF_EQUAL, 0, 3, numbers.architecture],
    [LOAD, 0, 0, OFFSET_OF_NUMBER],
    [IF_EQUAL, 0, 1, numbers.schedYield],
    [RETURN, 0, 0, DO_NOTHING],
    [RETURN, 0, 0, ALLOW],
  ] as const;
  const program = { len: filter.length, filter: filter.map(([code, jt, jf, k]) => ({ code, jt, jf, k })) };
  prctl(PR_SET_NO_NEW_PRIVS, 'ulong', 1, 'ulong', 0, 'ulong', 0, 'ulong', 0);
  const flags = SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_SPEC_ALLOW;
  syscall(numbers.seccomp, 'uint', SECCOMP_SET_MODE_FILTER, 'uint', flags, koffi.pointer(filterProgram()), program);
}

/** `struct sock_fprog` (`linux/filter.h`). */
function filterProgram(): ReturnType<typeof koffi.struct> {
  const instruction = koffi.struct({ code: 'uint16', jt: 'uint8', jf: 'uint8', k: 'uint32' });
  return koffi.struct({ len: 'uint16', filter: koffi.pointer(instruction) });
}
