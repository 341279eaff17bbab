/** @file What the system is told of OpenVINO's threads: they take short turns, and give none up for nothing. */

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { openExecutor } from '../../src/engine/engines';
import { installedLibrary } from '../../src/engine/libraries';
import { koffi } from '../../src/engine/native-calls';
import { keepTurns } from '../../src/engine/scheduling';

const isLinux = process.platform === 'linux' && (process.arch === 'x64' || process.arch === 'arm64');

describe.runIf(isLinux)('the threads of a process that opens OpenVINO', () => {
  /** By `sched_getattr`, in nanoseconds, of each thread; 0 from kernels before 6.12. */
  function turns(): bigint[] {
    const syscall = koffi.load('libc.so.6').func('long syscall(long number, ...)') as (...args: unknown[]) => number;
    const schedGetattr = process.arch === 'x64' ? 315 : 275;
    return readdirSync('/proc/self/task').map((thread) => {
      const attributes = Buffer.alloc(48);
      expect(
        syscall(schedGetattr, 'int', Number(thread), 'void *', attributes, 'uint', attributes.length, 'uint', 0),
      ).toBe(0);
      return attributes.readBigUInt64LE(24);
    });
  }

  it('give up no turn by asking whether another thread wants it', async () => {
    const schedYield = koffi.load('libc.so.6').func('int sched_yield()') as () => number;
    const busy = spawn('taskset', ['-c', '0', process.execPath, '-e', 'console.log(); for (;;);']);
    await once(busy.stdout, 'data');
    /** How often this thread is switched away from while it asks 100 times, beside a program that wants the same core. */
    const switches = (): number => {
      const before = switchesOf();
      for (let count = 0; count < 100; count++) schedYield();
      return switchesOf() - before;
    };
    const affinity = execFileSync('taskset', ['-c', '-p', String(process.pid)], { encoding: 'utf8' }).split(': ')[1]!;
    execFileSync('taskset', ['-c', '-p', '0', String(process.pid)]);
    const before = switches();
    keepTurns();
    const after = switches();
    expect(schedYield()).toBe(0);
    execFileSync('taskset', ['-c', '-p', affinity.trim(), String(process.pid)]);
    busy.kill();
    expect(before).toBeGreaterThan(20);
    expect(after).toBeLessThan(before / 4);
  });

  it.skipIf(!installedLibrary('openvino'))(
    'take the shortest turns that the system has, those too that start later',
    async () => {
      const usual = turns()[0]!;
      await openExecutor('openvino', { threads: 2 });
      const worker = new Worker('setInterval(() => {}, 1000)', { eval: true });
      await once(worker, 'online');
      const all = turns();
      await worker.terminate();
      expect(all.length).toBeGreaterThan(5);
      expect([...new Set(all)]).toEqual([usual === 0n ? 0n : 100_000n]);
    },
  );

  function switchesOf(): number {
    const status = readFileSync('/proc/self/status', 'utf8');
    return [...status.matchAll(/voluntary_ctxt_switches:\s+(\d+)/g)].reduce((sum, [, count]) => sum + Number(count), 0);
  }
});
