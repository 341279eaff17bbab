/** A training as a job of a real Slurm: waited for in its queue, followed while it runs, stopped, resumed, and taken back. */

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { RunRecord } from '../../src/protocol/records';
import { distillery, document, start, tinyWorkspace, until } from '../runner/program';
import { torture } from '../torture';
import { difference, environment, hasPython, metricsOf, python, rewrite } from './python';
import { hasNamespaces, twoHosts, within } from './namespaces';
import { Cluster, hasSlurm } from './slurm';
import { hasSshd, OtherHost } from './sshd';

const recordOf = (directory: string): RunRecord | undefined => {
  const file = path.join(directory, 'run.json');
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as RunRecord) : undefined;
};

const newRun = (workspace: string, before: readonly string[]): Promise<string> =>
  until(() => {
    const runs = path.join(workspace, '.distillery', 'runs');
    const name = existsSync(runs) && readdirSync(runs).find((one) => !before.includes(one));
    return name ? path.join(runs, name) : undefined;
  });

const stepsIn = (directory: string): number => {
  const file = path.join(directory, 'metrics.jsonl');
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').length - 1 : 0;
};

describe('a job of Slurm', () => {
  it('is refused where there is none of its programs, with what to do', async () => {
    const workspace = tinyWorkspace({ task: 'text-classification', engine: 'torchrun' });
    rewrite(workspace, (experiment) => (experiment.torchrun = { where: 'slurm' }));
    const { code, stderr } = await distillery(['run', 'tiny.distill.json'], workspace, { PATH: '/nowhere' });
    expect([code, stderr]).toEqual([2, expect.stringContaining('this machine has none of its programs')]);
    expect(stderr).toContain('--on HOST');
  });
});

describe.skipIf(!hasSlurm || !hasPython || !torture)('a cluster', () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await Cluster.start();
  });
  afterAll(() => cluster.end());
  afterEach(() => cluster.ask('scancel', '--full', '--user=root'));

  /** Runs of one workspace, trained by the cluster. */
  const workspaceOf = (epochs: number): { workspace: string; there: NodeJS.ProcessEnv; home: string } => {
    const workspace = tinyWorkspace({ task: 'text-classification', training: { epochs }, controls: [] });
    const home = path.join(workspace, '.home');
    mkdirSync(home);
    rewrite(workspace, (experiment) => {
      experiment.engine = 'torchrun';
      experiment.torchrun = { dropout: 'exact' };
    });
    return { workspace, home, there: { ...environment, ...cluster.environment, HOME: home } };
  };

  it('trains as this machine does; what waits in the queue is taken back, what runs is stopped and resumed', async () => {
    const { workspace, there } = workspaceOf(60);
    const { directory: own } = await document<{ directory: string }>(['run', 'tiny.distill.json'], workspace, there);
    // Somebody else has the node.
    await cluster.ask('sbatch', '--exclusive', '--output=/dev/null', '--wrap=sleep 600');
    const before = [path.basename(own)];
    const waits = start(['run', 'tiny.distill.json', '--slurm', '--json'], workspace, there);
    const directory = await newRun(workspace, before);
    const { slurm } = await until(() => recordOf(directory)?.slurm && recordOf(directory));
    expect(slurm).toMatchObject({ state: 'PENDING', job: expect.stringMatching(/^\d+$/) as string });
    waits.child.kill('SIGTERM');
    expect(JSON.parse((await waits.outcome).stdout)).toMatchObject({ status: 'stopped' });
    expect(await cluster.ask('squeue', '-h', '-j', slurm!.job)).toBe('');
    expect(recordOf(directory)!.slurm).toBeUndefined();

    const resume = () => start(['resume', path.basename(directory), '--json'], workspace, there);
    // Killed while it waits, and followed again by the next.
    const killed = resume();
    const again = await until(() => recordOf(directory)?.slurm?.job);
    expect(again).not.toBe(slurm!.job);
    killed.child.kill('SIGKILL');
    await killed.outcome;
    const followed = resume();
    await until(() => recordOf(directory)?.pid === followed.child.pid && recordOf(directory)?.slurm);
    expect(recordOf(directory)!.slurm!.job).toBe(again);
    await cluster.ask('scancel', '--full', '--state=RUNNING', '--user=root');
    await until(() => stepsIn(directory) > 5);
    await until(() => recordOf(directory)?.slurm?.state === 'RUNNING');
    followed.child.kill('SIGTERM');
    expect(JSON.parse((await followed.outcome).stdout)).toMatchObject({ status: 'stopped' });
    expect(existsSync(path.join(directory, 'checkpoints', 'last', 'trainer.json'))).toBe(true);
    const { code, stderr } = await resume().outcome;
    expect([code, stderr]).toEqual([0, expect.stringContaining('as a job of Slurm')]);
    for (const name of ['.', 'teacher']) {
      const [one, other] = [own, directory].map((run) => metricsOf(path.join(run, name)));
      expect(other!.map(({ step }) => step)).toEqual(one!.map(({ step }) => step));
      expect(difference(other!, one!)).toBeLessThan(1e-3);
    }
  });

  it.skipIf(!hasSshd)('is submitted to from a host that ssh reaches', async () => {
    const { workspace, there } = workspaceOf(2);
    const other = await OtherHost.start();
    const shell = path.join(other.folder, 'shell');
    writeFileSync(shell, readFileSync(shell, 'utf8').replace('\n', `\nexport SLURM_CONF=${cluster.conf}\n`));
    // No program of Slurm is asked here.
    const env = { ...there, SLURM_CONF: '/nowhere', DISTILLERY_SSH: other.ssh, DISTILLERY_HOST_PYTHON: python };
    const args = ['run', 'tiny.distill.json', '--on', 'there', '--slurm'];
    const { directory, status } = await document<{ directory: string; status: string }>(args, workspace, env);
    expect([status, recordOf(directory)?.host, recordOf(directory)?.slurm]).toEqual([
      'done',
      { name: 'there' },
      undefined,
    ]);
    expect(readFileSync(path.join(directory, 'log.txt'), 'utf8')).toContain('as a job of Slurm on there');
    expect(readdirSync(path.join(other.home, '.cache', 'distillery'))).toEqual([]);
    await other.end();
  });

  it('that takes a job back says so, and the run goes on from its checkpoint', async () => {
    const { workspace, there, home } = workspaceOf(200);
    const { child, outcome } = start(['run', 'tiny.distill.json', '--slurm', '--json'], workspace, there);
    const directory = await newRun(workspace, []);
    await until(() => stepsIn(directory) > 10);
    const { job } = await until(() => recordOf(directory)?.slurm);
    await cluster.ask('scancel', '--full', job);
    const { stderr } = await outcome;
    expect(child.exitCode).not.toBe(0);
    expect(stderr).toContain(`The job ${job} of Slurm has ended before the training: CANCELLED`);
    const seen = stepsIn(directory);
    const resumed = start(['resume', path.basename(directory), '--json'], workspace, there);
    await until(() => stepsIn(directory) > seen + 5);
    resumed.child.kill('SIGTERM');
    expect(JSON.parse((await resumed.outcome).stdout)).toMatchObject({ status: 'stopped' });
    expect(readdirSync(path.join(home, '.cache', 'distillery')).length).toBe(1);
  });
});

/** Daemons, PyTorch's processes of two nodes and all that follows them share this machine. */
const comes = <T>(ask: () => T) => vi.waitUntil(ask, { timeout: 240_000, interval: 20 });

describe.skipIf(!hasSlurm || !hasPython || !torture || !hasNamespaces || !hasSshd)('a job of two nodes', () => {
  it('has one curve, and goes on when it is put into the queue again', { timeout: 400_000 }, async () => {
    await twoHosts(async (networks) => {
      const cluster = await Cluster.start(networks);
      const [{ address }] = networks;
      const login = await OtherHost.start({ address, within: within(networks[0]) });
      try {
        const shell = path.join(login.folder, 'shell');
        const conf = `\nexport SLURM_CONF=${cluster.conf}\n`;
        writeFileSync(shell, readFileSync(shell, 'utf8').replace('\n', conf));
        const training = { epochs: 120, checkpointEvery: 10 };
        const workspace = tinyWorkspace({ task: 'text-classification', training, controls: [] });
        const { directory: own } = await document<{ directory: string }>(['run', 'tiny.distill.json'], workspace);
        rewrite(workspace, (experiment) => {
          experiment.torchrun = { dropout: 'exact', hosts: 2, rendezvous: `${address}:29400`, strategy: 'fsdp' };
        });
        const there = { DISTILLERY_SSH: login.ssh, DISTILLERY_HOST_PYTHON: python };
        const args = ['run', 'tiny.distill.json', '--on', 'there', '--slurm', '--json'];
        const { outcome } = start(args, workspace, there);
        const directory = await newRun(workspace, [path.basename(own)]);
        const last = path.join(login.home, '.cache', 'distillery');
        const saved = (): boolean => {
          const [mirror] = existsSync(last) ? readdirSync(last) : [];
          return mirror !== undefined && existsSync(path.join(last, mirror, 'checkpoints', 'last', 'trainer.json'));
        };
        await comes(() => saved() && recordOf(directory)?.slurm);
        const { job } = recordOf(directory)!.slurm!;
        expect(await cluster.ask('squeue', '-h', '-o', '%D', '-j', job)).toBe('2\n');
        await cluster.ask('scontrol', 'requeue', job);
        await comes(async () => (await cluster.ask('squeue', '-h', '-o', '%T', '-j', job)) === 'PENDING\n');
        await comes(() => recordOf(directory)?.slurm?.state === 'PENDING');
        // Slurm lets such a job wait for two minutes.
        await cluster.ask('scontrol', 'update', `jobid=${job}`, 'StartTime=now');
        const log = (): string => readFileSync(path.join(directory, 'log.txt'), 'utf8');
        await comes(() => /all begin again from the checkpoint of step [1-9]/.test(log()));
        const { code, stderr } = await outcome;
        expect([code, stderr]).toEqual([0, expect.any(String)]);
        expect(log()).toContain('2 processes of PyTorch');
        for (const model of ['.', 'teacher']) {
          const [ours, theirs] = [own, directory].map((run) => metricsOf(path.join(run, model)));
          expect(theirs!.map(({ step }) => step)).toEqual(ours!.map(({ step }) => step));
          expect(difference(theirs!, ours!)).toBeLessThan(1e-3);
        }
      } finally {
        await login.end();
        await cluster.end();
      }
    });
  });
});
