/** Several hosts that train together, each by a real sshd: of this machine, and in the long form in networks of their own. */

import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunRecord } from '../../src/protocol/records';
import { processLogs } from '../../src/run-directory/process-logs';
import { meet } from '../../src/runner/torchrun/meeting';
import { Host } from '../../src/runner/torchrun/ssh';
import { beginRun, changeRun } from '../extension/sample-run';
import { distillery, document, start, tinyWorkspace } from '../runner/program';
import { torture } from '../torture';
import { hasNamespaces, twoHosts, within } from './namespaces';
import { comes, difference, evaluationsOf, hasPython, metricsOf, python, rewrite } from './python';
import { hasSshd, OtherHost } from './sshd';

describe.skipIf(!hasSshd)('two hosts', () => {
  let hosts: [OtherHost, OtherHost];
  let environment: NodeJS.ProcessEnv;

  beforeAll(async () => {
    hosts = [await OtherHost.start({ name: 'one' }), await OtherHost.start({ name: 'two' })];
    process.env.DISTILLERY_SSH = hosts[0].reaches(hosts[1]);
    environment = { DISTILLERY_SSH: process.env.DISTILLERY_SSH };
  });

  afterAll(async () => {
    delete process.env.DISTILLERY_SSH;
    for (const host of hosts) await host.end();
  });

  it('go to one another before anything begins, and one that cannot says so', async () => {
    const [one, two] = ['one', 'two'].map((name) => new Host(name)) as [Host, Host];
    const { endpoint, addresses } = await meet([one, two], 'python3');
    expect(endpoint).toMatch(/^[\d.]+:\d+$/);
    expect(addresses.map(({ address }) => address)).toEqual([endpoint.split(':')[0], expect.any(String)]);
    // Nobody waits there any more.
    const port = Number(endpoint.split(':')[1]);
    const again = net.createServer().listen(port, '0.0.0.0');
    await new Promise((resolve, reject) => again.once('listening', resolve).once('error', reject));
    // Somebody else answers at the port that is named.
    await expect(meet([one, two], 'python3', `127.0.0.1:${port}`)).rejects.toThrow(/in use/);
    await new Promise((resolve) => again.close(resolve));
    await expect(meet([one, two], 'python3', `no-such-host.invalid:${port}`)).rejects.toThrow(
      /From the host two the host one cannot be reached on port \d+: no-such-host/,
    );
  });

  it('are each asked before anything is written, and named as many as the file wants', async () => {
    const workspace = tinyWorkspace({ task: 'text-classification' });
    const refused = async (...args: string[]): Promise<string> => {
      const { code, stderr } = await distillery(['run', 'tiny.distill.json', ...args], workspace, {
        ...environment,
        DISTILLERY_HOST_PYTHON: 'no-such-python',
      });
      expect([code, existsSync(path.join(workspace, '.distillery', 'runs'))]).toEqual([2, false]);
      return stderr;
    };
    expect(await refused('--on', 'one,one')).toContain('one is named twice');
    expect(await refused('--on', 'one,-oProxyCommand=id')).toContain('not the name of a host');
    expect(await refused('--on', 'one,two', '--slurm')).toContain('submitted from one host, and 2 are named');
    const lacking = await refused('--on', 'one,nowhere.invalid');
    expect(lacking).toContain('Python cannot be started as "no-such-python" on one');
    expect(lacking).toContain('The host nowhere.invalid cannot be reached');
    rewrite(workspace, (experiment) => (experiment.torchrun = { hosts: 3 }));
    expect(await refused('--on', 'one,two')).toContain('on 3 hosts, and 2 are named');
  });

  it('of a run are all known, or it goes on there by itself no more', async () => {
    const workspace = tinyWorkspace({ task: 'text-classification' });
    const begun = await beginRun(workspace, { host: { name: 'one', others: ['two'] } });
    await changeRun(begun, { status: 'stopped' });
    await distillery(['devices', '--on', 'one'], workspace, environment);
    const { code, stderr } = await distillery(['resume', begun.paths.id], workspace, environment);
    expect([code, stderr]).toEqual([2, expect.stringContaining('two, a host that you have not named')]);
  });
});

describe.skipIf(!hasSshd || !hasPython || !torture || !hasNamespaces)('two hosts in networks of their own', () => {
  it('have one curve; lost connections, processes and a lost host lose nothing', { timeout: 400_000 }, async () => {
    await twoHosts(async (namespaces) => {
      const [one, two] = (await Promise.all(
        namespaces.map((network, i) =>
          OtherHost.start({ name: ['one', 'two'][i]!, address: network.address, within: within(network) }),
        ),
      )) as [OtherHost, OtherHost];
      const processesOfTwo = (): number[] => {
        const pids = execFileSync('ip', ['netns', 'pids', namespaces[1].name]).toString().split('\n');
        return pids.map(Number).filter((pid) => pid > 0);
      };
      const killTwo = (): void => {
        for (const pid of processesOfTwo()) {
          try {
            process.kill(pid, 'SIGKILL');
          } catch {
            // It has ended by itself.
          }
        }
      };
      try {
        const workspace = tinyWorkspace({ task: 'text-classification', training: { epochs: 120 }, controls: [] });
        const there = { DISTILLERY_SSH: one.reaches(two), DISTILLERY_HOST_PYTHON: python };
        const { directory: own } = await document<{ directory: string }>(['run', 'tiny.distill.json'], workspace);
        rewrite(workspace, (experiment) => (experiment.torchrun = { dropout: 'exact', strategy: 'fsdp' }));
        const runs = path.dirname(own);
        const begun = start(['run', 'tiny.distill.json', '--on', 'one,two', '--json'], workspace, there);
        const directory = await comes(() => {
          const name = readdirSync(runs).find((one) => one !== path.basename(own));
          return name && path.join(runs, name);
        });
        const steps = (): number => {
          const file = path.join(directory, 'metrics.jsonl');
          return existsSync(file) ? readFileSync(file, 'utf8').split('\n').length - 1 : 0;
        };
        const record = (): RunRecord => JSON.parse(readFileSync(path.join(directory, 'run.json'), 'utf8')) as RunRecord;
        const log = (): string => readFileSync(path.join(directory, 'log.txt'), 'utf8');
        await comes(() => steps() > 5);
        expect(record().host).toEqual({ name: 'one', others: ['two'] });
        expect(log()).toContain('is trained on one, two');
        expect(log()).toContain('2 processes of PyTorch');
        // The connection to one of them is lost.
        await two.end();
        await comes(() => record().host?.lost?.host === 'two');
        await two.begin();
        await comes(() => record().host?.lost === undefined);
        // Who followed them is killed.
        begun.child.kill('SIGKILL');
        await begun.outcome;
        const resume = (...args: string[]) =>
          start(['resume', path.basename(directory), ...args, '--json'], workspace, there);
        const followed = resume();
        const seen = steps();
        await comes(() => steps() > seen + 5);
        // A worker of one is killed.
        const worker = processesOfTwo().find((pid) => {
          const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
          return words.includes('distillery_torch') && !words.includes('torch.distributed.run');
        });
        process.kill(worker!, 'SIGKILL');
        await comes(() => log().includes('a process of torchrun has ended'));
        const again = steps();
        await comes(() => steps() !== again);
        followed.child.kill('SIGTERM');
        expect(JSON.parse((await followed.outcome).stdout)).toMatchObject({ status: 'stopped' });
        const stepOf = ({ home }: OtherHost): number => {
          const [mirror] = readdirSync(path.join(home, '.cache', 'distillery'));
          const last = path.join(home, '.cache', 'distillery', mirror!, 'checkpoints', 'last', 'trainer.json');
          return (JSON.parse(readFileSync(last, 'utf8')) as { step: number }).step;
        };
        expect(stepOf(one)).toBe(stepOf(two));
        const logs = await processLogs({ directory });
        const told = logs.filter(({ training, rank }) => training === 'student' && rank === undefined);
        expect(told.map(({ host }) => host)).toEqual(['one', 'two']);
        // All that one of them does is at an end, as where its power is.
        const lost = resume();
        const before = stepOf(one);
        await comes(() => steps() > before + 5);
        await two.end();
        killTwo();
        await two.begin();
        const { stderr } = await lost.outcome;
        expect(lost.child.exitCode).not.toBe(0);
        expect(stderr).toContain('The host two was lost during the training: its processes are gone');
        expect(existsSync(path.join(directory, 'checkpoints', 'last', 'trainer.json'))).toBe(true);
        const alone = await resume('--on', 'one').outcome;
        expect([alone.code, alone.stderr]).toEqual([0, expect.any(String)]);
        for (const name of ['.', 'teacher']) {
          const [ours, theirs] = [own, directory].map((run) => metricsOf(path.join(run, name)));
          expect(theirs!.map(({ step }) => step)).toEqual(ours!.map(({ step }) => step));
          expect(difference(theirs!, ours!)).toBeLessThan(1e-3);
          const [evaluated, evaluatedThere] = [own, directory].map((run) => evaluationsOf(path.join(run, name)));
          expect(evaluatedThere!.map(({ step }) => step)).toEqual(evaluated!.map(({ step }) => step));
        }
        expect(readdirSync(path.join(directory, 'probes'))).toEqual(readdirSync(path.join(own, 'probes')));
        expect(readdirSync(path.join(one.home, '.cache', 'distillery'))).toEqual([]);
      } finally {
        killTwo();
        await one.end();
        await two.end();
      }
    });
  });
});
