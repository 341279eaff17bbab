/** @file One run a device: others wait in order, can be stopped meanwhile, and a dead one holds nobody up. */

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { createMessageConnection, SocketMessageReader, SocketMessageWriter } from 'vscode-jsonrpc/node';
import { afterEach, describe, expect, it } from 'vitest';
import { LOW_PRIORITY } from '../../src/runner/run/priority';
import { deviceUser, takeDevice, type Ahead } from '../../src/runner/devices/queue';
import type { DeviceRecord } from '../../src/protocol/machine-records';
import type { RunRecord } from '../../src/protocol/records';
import type { RunnerMethod } from '../../src/protocol/runner';
import { dataOf, document, start, stoppingAt, tinyWorkspace, until, type Outcome } from './program';

const recordOf = (run: string): RunRecord | undefined => {
  const file = path.join(run, 'run.json');
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as RunRecord) : undefined;
};

/** In the teacher's training: a run that holds the device for as long as it is let, and takes nothing of the processor. */
const held = stoppingAt('teacher', 2);

/** Runs of one workspace, in the order in which they were started. */
class Workspace {
  /** Ended before they end by themselves. */
  readonly folder = tinyWorkspace({
    task: 'text-classification',
    training: { epochs: 10_000, evaluateEvery: 100_000 },
  });
  readonly #runs = path.join(this.folder, '.distillery', 'runs');
  readonly #started: ReturnType<typeof start>[] = [];

  async start(
    args: string[] = [],
    environment: NodeJS.ProcessEnv = {},
  ): Promise<{ run: string; kill(signal: NodeJS.Signals): void; outcome: Promise<Outcome> }> {
    const before = this.#names();
    const started = start(['run', 'tiny.distill.json', '--json', ...args], this.folder, environment);
    this.#started.push(started);
    const name = await until(() => this.#names().find((one) => !before.includes(one)));
    const run = path.join(this.#runs, name);
    await until(() => recordOf(run));
    return { run, kill: (signal) => void started.child.kill(signal), outcome: started.outcome };
  }

  #names(): string[] {
    return existsSync(this.#runs) ? readdirSync(this.#runs) : [];
  }

  async end(): Promise<void> {
    for (const { child } of this.#started) child.kill('SIGKILL');
    await Promise.all(this.#started.map(({ outcome }) => outcome));
  }
}

/** Of the threads of a run's process. */
const prioritiesOf = (run: string): number[] =>
  readdirSync(`/proc/${recordOf(run)!.pid}/task`).map((thread) => os.getPriority(Number(thread)));

const hasStatus = (run: string, status: string): Promise<boolean> => until(() => recordOf(run)?.status === status);

async function ask(socket: string, method: RunnerMethod): Promise<void> {
  const stream = createConnection(socket);
  const connection = createMessageConnection(new SocketMessageReader(stream), new SocketMessageWriter(stream));
  connection.listen();
  await connection.sendRequest(method);
  connection.dispose();
  stream.destroy();
}

describe('runs on one device', () => {
  let workspace: Workspace;
  afterEach(() => workspace.end());

  it('go one after the other, in their order; a killed one holds nobody up', async () => {
    workspace = new Workspace();
    const first = await workspace.start([], held);
    await hasStatus(first.run, 'running');
    const second = await workspace.start();
    const third = await workspace.start();
    await hasStatus(second.run, 'queued');
    await hasStatus(third.run, 'queued');
    const { devices } = await document<{ devices: DeviceRecord[] }>(['devices'], workspace.folder);
    expect(devices[0]!.inUseBy).toMatchObject({ run: path.basename(first.run), directory: first.run });
    expect(readFileSync(path.join(second.run, 'log.txt'), 'utf8')).toContain(
      `waiting for the CPU, after ${path.basename(first.run)}`,
    );

    // They have waited for as long as another process takes.
    expect([second, third].map(({ run }) => recordOf(run)!.status)).toEqual(['queued', 'queued']);
    const queuedSince = recordOf(second.run)!.started;
    first.kill('SIGKILL');
    await hasStatus(second.run, 'running');
    // What it took is told from here on.
    expect(Date.parse(recordOf(second.run)!.started)).toBeGreaterThan(Date.parse(queuedSince));
    expect(recordOf(third.run)!.status).toBe('queued');
    second.kill('SIGTERM');
    await hasStatus(second.run, 'stopped');
    await hasStatus(third.run, 'running');
  });

  it('can be stopped while they wait, and do not hold up those behind them', async () => {
    workspace = new Workspace();
    const first = await workspace.start([], held);
    await hasStatus(first.run, 'running');
    const second = await workspace.start();
    second.kill('SIGTERM');
    expect((await second.outcome).code).toBe(0);
    expect(recordOf(second.run)!.status).toBe('stopped');
    expect(recordOf(first.run)!.status).toBe('running');
    const devices = path.join(dataOf(workspace.folder), 'devices');
    const queue = (readdirSync(devices, { recursive: true }) as string[]).filter((name) => name.endsWith('.json'));
    expect(queue).toHaveLength(1);
  });

  it('say what they wait for, and that it is paused, and run at once where they are told to', async () => {
    workspace = new Workspace();
    const first = await workspace.start();
    await hasStatus(first.run, 'running');
    const second = await workspace.start();
    const third = await workspace.start();
    const waitsFor = (run: string, wanted: object): Promise<unknown> =>
      until(() => isDeepStrictEqual(recordOf(run)?.waiting, { device: 'cpu', ...wanted }));
    await waitsFor(second.run, { run: path.basename(first.run), isPaused: false, ahead: 1 });
    await waitsFor(third.run, { run: path.basename(second.run), isPaused: false, ahead: 2 });
    await ask(recordOf(first.run)!.socket!, 'pause');
    await waitsFor(third.run, { run: path.basename(first.run), isPaused: true, ahead: 2 });
    expect(readFileSync(path.join(third.run, 'log.txt'), 'utf8')).toMatch(
      /is paused and holds the CPU: resume or stop it, or start this run with --no-queue/,
    );
    await ask(recordOf(third.run)!.socket!, 'runNow');
    await hasStatus(third.run, 'running');
    expect(recordOf(third.run)!.waiting).toBeUndefined();
    expect([first, second].map(({ run }) => recordOf(run)!.status)).toEqual(['paused', 'queued']);
  });

  it.runIf(process.platform === 'linux')(
    'let other programs go first, with every thread, unless told otherwise',
    async () => {
      workspace = new Workspace();
      const file = path.join(workspace.folder, 'tiny.distill.json');
      const usual = readFileSync(file, 'utf8');
      // Tests run at the usual priority otherwise.
      writeFileSync(file, JSON.stringify({ ...(JSON.parse(usual) as object), priority: undefined }));
      const first = await workspace.start([], held);
      await until(() => existsSync(path.join(first.run, 'teacher', 'metrics.jsonl')));
      expect(new Set(prioritiesOf(first.run))).toEqual(new Set([Math.max(LOW_PRIORITY, os.getPriority())]));
      writeFileSync(file, usual);
      const second = await workspace.start(['--no-queue']);
      await hasStatus(second.run, 'running');
      expect(new Set(prioritiesOf(second.run))).toEqual(new Set([os.getPriority()]));
    },
  );

  it('do not wait when they are told not to', async () => {
    workspace = new Workspace();
    const first = await workspace.start([], held);
    await hasStatus(first.run, 'running');
    const second = await workspace.start(['--no-queue']);
    await hasStatus(second.run, 'running');
    expect(recordOf(first.run)!.status).toBe('running');
  });
});

describe('the queue of a device', () => {
  it('lets nobody wait for the other device, and frees it when it is given back', async () => {
    workspace();
    const never = new AbortController().signal;
    const silent = (): void => undefined;
    const cpu = await takeDevice('cpu', { run: 'a', directory: '/a' }, silent, never);
    const gpu = await takeDevice('gpu', { run: 'b', directory: '/b' }, silent, never);
    expect(await deviceUser('cpu')).toMatchObject({ run: 'a', pid: process.pid });
    expect(await deviceUser('gpu')).toMatchObject({ run: 'b' });
    await cpu!.release();
    expect(await deviceUser('cpu')).toBeUndefined();
    await gpu!.release();
  });

  it('is one of its own for each host elsewhere', async () => {
    workspace();
    const never = new AbortController().signal;
    const refused = (): void => {
      throw new Error('It waits.');
    };
    const locks = [
      await takeDevice('cpu', { run: 'a', directory: '/a' }, refused, never),
      await takeDevice({ host: 'me@gpu1' }, { run: 'b', directory: '/b' }, refused, never),
      await takeDevice({ host: 'gpu2' }, { run: 'c', directory: '/c' }, refused, never),
    ];
    expect(await deviceUser('cpu')).toMatchObject({ run: 'a' });
    const end = new AbortController();
    const ahead = await new Promise<Ahead>((resolve) => {
      void takeDevice({ host: 'me@gpu1' }, { run: 'd', directory: '/d' }, resolve, end.signal);
    });
    expect([ahead.user?.run, ahead.count]).toEqual(['b', 1]);
    end.abort();
    for (const lock of locks) await lock!.release();
  });

  const workspace = (): void => {
    process.env.DISTILLERY_DATA = dataOf(tinyWorkspace({ task: 'text-classification' }));
  };
});
