/** @file A real sshd of this machine, on a port of the loopback interface, as another host: its name is `there`. */

import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';

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

export class OtherHost {
  private server: ChildProcess | undefined;

  private constructor(
    readonly folder: string,
    private readonly port: number,
  ) {}

  /** Makes its keys and configuration, and starts it. */
  static async start(): Promise<OtherHost> {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'distillery-ssh-'));
    const port = await freePort();
    const host = new OtherHost(folder, port);
    mkdirSync(host.home);
    for (const key of ['host', 'own']) {
      execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', path.join(folder, key)]);
    }
    const user = os.userInfo().username;
    const own = readFileSync(path.join(folder, 'own.pub'), 'utf8');
    writeFileSync(path.join(folder, 'authorized'), own, { mode: 0o600 });
    const hostKey = readFileSync(path.join(folder, 'host.pub'), 'utf8').split(' ').slice(0, 2).join(' ');
    writeFileSync(path.join(folder, 'known'), `[127.0.0.1]:${port} ${hostKey}\n`);
    // Whatever is asked for begins in a home folder of its own.
    const shell = `#!/bin/sh\nHOME=${host.home}; export HOME; cd && eval "$SSH_ORIGINAL_COMMAND"\n`;
    writeFileSync(path.join(folder, 'shell'), shell, { mode: 0o755 });
    writeFileSync(
      path.join(folder, 'sshd_config'),
      `ListenAddress 127.0.0.1:${port}\nHostKey ${folder}/host\nAuthorizedKeysFile ${folder}/authorized\nPidFile none\nStrictModes no\nUsePAM no\nPermitRootLogin yes\nForceCommand ${folder}/shell\n`,
    );
    writeFileSync(
      path.join(folder, 'config'),
      `Host there\n  HostName 127.0.0.1\n  Port ${port}\n  User ${user}\n  IdentityFile ${folder}/own\n  IdentitiesOnly yes\n  UserKnownHostsFile ${folder}/known\n`,
    );
    writeFileSync(host.ssh, `#!/bin/sh\nexec ssh -F ${folder}/config "$@"\n`, { mode: 0o755 });
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

  async begin(): Promise<void> {
    this.server = spawn(program!, ['-D', '-e', '-f', path.join(this.folder, 'sshd_config')], { stdio: 'ignore' });
    while (!(await this.answers())) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  /** And all connections: sshd has a process for each, in a group of its own. */
  async end(): Promise<void> {
    const { server } = this;
    if (server?.exitCode !== null) return;
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
    return new Promise((resolve) => {
      const socket = net.connect(this.port, '127.0.0.1');
      socket.once('data', () => resolve(true));
      socket.once('error', () => resolve(false));
      socket.once('data', () => socket.destroy());
    });
  }
}
