/** @file A real sshd of this machine, on a port of the loopback interface or in a network of its own, as another host: its name is `there`. */

import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const program = ['/usr/sbin/sshd', '/usr/local/sbin/sshd'].find((place) => existsSync(place));

export const hasSshd = program !== undefined;
if (!hasSshd) console.warn('Skipped: trainings over ssh. There is no sshd here.');

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const listener = net.createServer().once('error', reject);
    listener.listen(0, '127.0.0.1', () => {
      const { port: free } = listener.address() as net.AddressInfo;
      listener.close(() => resolve(free));
    });
  });

export interface HostOptions {
  name?: string;
  address?: string;
  /** What is put before a command that is to run in its network. */
  within?: readonly string[];
}

export class OtherHost {
  private server: ChildProcess | undefined;

  private constructor(
    readonly folder: string,
    readonly name: string,
    private readonly within: readonly string[],
  ) {}

  /** Makes its keys and configuration, and starts it. */
  static async start({ name = 'there', address = '127.0.0.1', within = [] }: HostOptions = {}): Promise<OtherHost> {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'distillery-ssh-'));
    const port = await freePort();
    const host = new OtherHost(folder, name, within);
    mkdirSync(host.home);
    for (const key of ['host', 'own']) {
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', path.join(folder, key)]);
    }
    const user = os.userInfo().username;
    const own = readFileSync(path.join(folder, 'own.pub'), 'utf8');
    writeFileSync(path.join(folder, 'authorized'), own, { mode: 0o600 });
    const hostKey = readFileSync(path.join(folder, 'host.pub'), 'utf8').split(' ').slice(0, 2).join(' ');
    writeFileSync(path.join(folder, 'known'), `[${address}]:${port} ${hostKey}\n`);
    // Whatever is asked for begins in a home folder of its own.
    const shell = `#!/bin/sh\nHOME=${host.home}; export HOME; cd && eval "$SSH_ORIGINAL_COMMAND"\n`;
    writeFileSync(path.join(folder, 'shell'), shell, { mode: 0o755 });
    // bash reads its person's files for whom sshd has started at the first level.
    writeFileSync(
      path.join(folder, 'sshd_config'),
      `ListenAddress ${address}:${port}\nHostKey ${folder}/host\nAuthorizedKeysFile ${folder}/authorized\nPidFile none\nStrictModes no\nUsePAM no\nPermitRootLogin yes\nSetEnv SHLVL=2\nForceCommand ${folder}/shell\n`,
    );
    writeFileSync(
      path.join(folder, 'config'),
      `Host ${name}\n  HostName ${address}\n  Port ${port}\n  User ${user}\n  IdentityFile ${folder}/own\n  IdentitiesOnly yes\n  UserKnownHostsFile ${folder}/known\n`,
    );
    writeFileSync(host.ssh, `#!/bin/sh\nexec ${[...within, 'ssh'].join(' ')} -F ${folder}/config "$@"\n`, {
      mode: 0o755,
    });
    if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true });
    await host.begin();
    return host;
  }

  /** The home folder there. */
  get home(): string {
    return path.join(this.folder, 'home');
  }

  /** The program that reaches it: DISTILLERY_SSH. */
  get ssh(): string {
    return path.join(this.folder, 'ssh');
  }

  /** The program that reaches the other too, of whose network it has to be. */
  reaches(other: OtherHost): string {
    const config = path.join(this.folder, 'config');
    writeFileSync(config, readFileSync(config, 'utf8') + readFileSync(path.join(other.folder, 'config'), 'utf8'));
    return this.ssh;
  }

  async begin(): Promise<void> {
    const command = [...this.within, program!, '-D', '-e', '-f', path.join(this.folder, 'sshd_config')];
    this.server = spawn(command[0]!, command.slice(1), { stdio: 'ignore' });
    while (!(await this.answers())) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  /** And all connections: sshd has a process for each, in a group of its own. */
  async end(): Promise<void> {
    const { server } = this;
    // Where its host was killed with all that it does, it has ended before.
    if (server?.exitCode !== null || server.signalCode !== null) return;
    const ended = new Promise((resolve) => server.once('close', resolve));
    const children = execFileSync('ps', ['-eo', 'pid=,ppid=,args=']).toString().split('\n');
    const isOurs = new RegExp(`^\\s*(\\d+)\\s+${server.pid}\\s`);
    server.kill();
    await ended;
    for (const line of children) {
      const pid = Number(isOurs.exec(line)?.[1]);
      if (pid > 0) process.kill(pid, 'SIGKILL');
    }
  }

  private answers(): Promise<boolean> {
    return promisify(execFile)(this.ssh, [this.name, 'true']).then(
      () => true,
      () => false,
    );
  }
}
