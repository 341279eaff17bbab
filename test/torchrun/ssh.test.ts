/** Trainings on another host, over the system's own ssh to a real sshd of this machine. */

import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Host, quoted } from '../../src/runner/torchrun/ssh';
import { distillery, document, start, tinyWorkspace, until } from '../runner/program';
import { torture } from '../torture';
import { difference, environment, evaluationsOf, hasPython, metricsOf, python, rewrite } from './python';

const sshd = ['/usr/sbin/sshd', '/usr/local/sbin/sshd'].find((place) => existsSync(place));
if (sshd === undefined) console.warn('Skipped: trainings over ssh. There is no sshd here.');

let folder: string;
/** The home folder there. */
let home: string;
let server: ChildProcess | undefined;
let port: number;

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const listener = net.createServer().once('error', reject);
    listener.listen(0, '127.0.0.1', () => {
      const { port: free } = listener.address() as net.AddressInfo;
      listener.close(() => resolve(free));
    });
  });

const answers = (): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.once('data', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('data', () => socket.destroy());
  });

async function startServer(): Promise<void> {
  server = spawn(sshd!, ['-D', '-e', '-f', path.join(folder, 'sshd_config')], { stdio: 'ignore' });
  while (!(await answers())) await new Promise((resolve) => setTimeout(resolve, 20));
}

/** And all connections: sshd has a process for each, in a group of its own. */
async function stopServer(): Promise<void> {
  const ended = new Promise((resolve) => server!.once('close', resolve));
  const children = execFileSync('ps', ['-eo', 'pid=,ppid=,args=']).toString().split('\n');
  const isOurs = new RegExp(`^\\s*(\\d+)\\s+${server!.pid}\\s`);
  server!.kill();
  await ended;
  for (const line of children) {
    const pid = Number(isOurs.exec(line)?.[1]);
    if (pid > 0) process.kill(pid, 'SIGKILL');
  }
}

describe.skipIf(sshd === undefined)('a host', () => {
  beforeAll(async () => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'distillery-ssh-'));
    home = path.join(folder, 'home');
    mkdirSync(home);
    port = await freePort();
    for (const key of ['host', 'own']) {
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', path.join(folder, key)]);
    }
    const user = os.userInfo().username;
    const own = readFileSync(path.join(folder, 'own.pub'), 'utf8');
    writeFileSync(path.join(folder, 'authorized'), own, { mode: 0o600 });
    const hostKey = readFileSync(path.join(folder, 'host.pub'), 'utf8').split(' ').slice(0, 2).join(' ');
    writeFileSync(path.join(folder, 'known'), `[127.0.0.1]:${port} ${hostKey}\n`);
    // Whatever is asked for begins in a home folder of its own.
    writeFileSync(
      path.join(folder, 'shell'),
      `#!/bin/sh\nHOME=${home}; export HOME; cd && eval "$SSH_ORIGINAL_COMMAND"\n`,
      {
        mode: 0o755,
      },
    );
    writeFileSync(
      path.join(folder, 'sshd_config'),
      `ListenAddress 127.0.0.1:${port}\nHostKey ${folder}/host\nAuthorizedKeysFile ${folder}/authorized\nPidFile none\nStrictModes no\nUsePAM no\nPermitRootLogin yes\nForceCommand ${folder}/shell\n`,
    );
    writeFileSync(
      path.join(folder, 'config'),
      `Host there\n  HostName 127.0.0.1\n  Port ${port}\n  User ${user}\n  IdentityFile ${folder}/own\n  IdentitiesOnly yes\n  UserKnownHostsFile ${folder}/known\n`,
    );
    writeFileSync(path.join(folder, 'ssh'), `#!/bin/sh\nexec ssh -F ${folder}/config "$@"\n`, { mode: 0o755 });
    process.env.DISTILLERY_SSH = path.join(folder, 'ssh');
    if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true });
    await startServer();
  });

  afterAll(async () => {
    delete process.env.DISTILLERY_SSH;
    if (server?.exitCode === null) await stopServer();
  });

  it('does what it is told by its own shell, and says what went wrong', async () => {
    const host = new Host('there');
    expect(await host.ask(`echo ${quoted('it\'s $HOME; "`id`"')}`)).toBe('it\'s $HOME; "`id`"\n');
    expect(await host.ask('cat', Buffer.from('in'))).toBe('in');
    await expect(host.ask('echo no such thing >&2; exit 3')).rejects.toThrow(/no such thing/);
    await expect(new Host('nowhere.invalid').ask(':')).rejects.toThrow(/cannot be reached/);
    for (const name of ['-oProxyCommand=id', 'a b', '$(id)', '']) expect(() => new Host(name)).toThrow(/not the name/);
  });

  it('takes folders and gives them back, and of what is not there nothing', async () => {
    const host = new Host('there');
    const [here, back] = ['here', 'back'].map((name) => path.join(folder, name));
    mkdirSync(path.join(here!, 'a b'), { recursive: true });
    mkdirSync(back!);
    writeFileSync(path.join(here!, 'a b', 'file'), 'content');
    await host.send(here!, ['a b'], 'x/it’s');
    await host.fetch('x/it’s', ['a b', 'none'], back!);
    expect(readFileSync(path.join(back!, 'a b', 'file'), 'utf8')).toBe('content');
    await host.fetch('x/it’s', ['none'], back!);
    expect(readdirSync(back!)).toEqual(['a b']);
    await expect(host.fetch('nowhere', ['none'], back!)).rejects.toThrow(/nowhere/);
  });

  it.runIf(torture)(
    'tells a growing file once, though the connection is lost, until who writes it has ended',
    async () => {
      const host = new Host('there');
      await host.ask(
        'sh -c "echo one > log; while [ ! -e go ]; do sleep 0.1; done; echo two >> log" > /dev/null 2>&1 < /dev/null & echo $! > pid',
      );
      const lines: string[] = [];
      const losses: string[] = [];
      for await (const line of host.follow('log', 'pid', new AbortController().signal, (why) => losses.push(why))) {
        lines.push(line);
        if (line !== 'one') continue;
        await stopServer();
        writeFileSync(path.join(home, 'go'), '');
        await startServer();
      }
      expect(lines).toEqual(['one', 'two']);
      expect(losses.length).toBeGreaterThan(0);
    },
  );

  it('is not named by a file', async () => {
    const workspace = tinyWorkspace({ task: 'text-classification', engine: 'torchrun' });
    rewrite(workspace, (experiment) => (experiment.torchrun = { where: 'ssh' }));
    const refused = await distillery(['run', 'tiny.distill.json'], workspace);
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('--on HOST')]);
    const wrong = await distillery(['run', 'tiny.distill.json', '--on', '-oProxyCommand=id'], workspace);
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('not the name of a host')]);
  });

  it.skipIf(!hasPython || !torture)(
    'trains as this one does; a lost connection and a killed runner lose nothing, and it is stopped and resumed',
    async () => {
      const workspace = tinyWorkspace({ task: 'text-classification', training: { epochs: 60 } });
      rewrite(workspace, (experiment) => {
        experiment.engine = 'torchrun';
        experiment.torchrun = { dropout: 'exact' };
      });
      const there = { ...environment, DISTILLERY_HOST_PYTHON: python };
      const { directory: own } = await document<{ directory: string }>(['run', 'tiny.distill.json'], workspace, there);
      const before = path.basename(own);
      const runs = path.dirname(own);
      const first = start(['run', 'tiny.distill.json', '--on', 'there', '--json'], workspace, there);
      const directory = await until(() => {
        const other = readdirSync(runs).find((name) => name !== before);
        return other && path.join(runs, other);
      });
      const metrics = path.join(directory, 'metrics.jsonl');
      const steps = (): number => (existsSync(metrics) ? readFileSync(metrics, 'utf8').split('\n').length - 1 : 0);
      await until(() => steps() > 5);
      await stopServer();
      await startServer();
      const seen = steps();
      await until(() => steps() > seen + 5);
      first.child.kill('SIGKILL');
      await first.outcome;
      const resume = () => start(['resume', path.basename(directory), '--on', 'there', '--json'], workspace, there);
      const stopped = resume();
      const again = steps();
      await until(() => steps() > again + 5);
      stopped.child.kill('SIGTERM');
      expect(JSON.parse((await stopped.outcome).stdout)).toMatchObject({ status: 'stopped' });
      expect(existsSync(path.join(directory, 'checkpoints', 'last', 'trainer.json'))).toBe(true);
      const { code, stderr } = await resume().outcome;
      expect([code, stderr]).toEqual([0, expect.any(String)]);
      for (const name of ['.', 'controls/no-distillation', 'teacher']) {
        const [one, other] = [own, directory].map((run) => metricsOf(path.join(run, name)));
        expect(other!.map(({ step }) => step)).toEqual(one!.map(({ step }) => step));
        expect(difference(other!, one!)).toBeLessThan(1e-3);
        const [evaluated, evaluatedThere] = [own, directory].map((run) => evaluationsOf(path.join(run, name)));
        expect(evaluatedThere!.map(({ step }) => step)).toEqual(evaluated!.map(({ step }) => step));
      }
      expect(readdirSync(path.join(directory, 'probes'))).toEqual(readdirSync(path.join(own, 'probes')));
      expect(readdirSync(path.join(home, '.cache', 'distillery'))).toEqual([]);
    },
  );
});
