import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { dataOf, runnerFile, tinyWorkspace } from './program';

const strace = process.platform === 'linux' && spawnSync('strace', ['--version']).status === 0;

// Every thread of every process is watched, onnxruntime's own included. Needs strace, as Debian's package of that name.
it.skipIf(!strace)('a run opens no network connection and asks no name server', () => {
  const workspace = tinyWorkspace({ task: 'text-classification', training: { epochs: 1 } });
  const log = path.join(workspace, 'strace.txt');
  const watched = ['-f', '--seccomp-bpf', '-e', 'trace=socket,connect,sendto,sendmsg,bind', '-o', log];
  const command = [process.execPath, runnerFile, 'run', 'tiny.distill.json'];
  // Its own queue: it would wait for whoever computes here.
  const env = { ...process.env, DISTILLERY_DATA: dataOf(workspace) };
  const { status, stderr } = spawnSync('strace', [...watched, ...command], { cwd: workspace, env, encoding: 'utf8' });
  expect(status, stderr).toBe(0);
  const calls = readFileSync(log, 'utf8').split('\n');
  // Sockets of this machine alone (AF_UNIX) are how a run is stopped and paused.
  expect(calls.some((call) => call.includes('AF_UNIX'))).toBe(true);
  expect(calls.filter((call) => call.includes('AF_INET'))).toEqual([]);
});
