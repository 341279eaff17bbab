/** @file A real Slurm cluster whose nodes are this machine, with folders and ports of its own: its programs find it by SLURM_CONF. */

import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { vi } from 'vitest';
import { until } from '../runner/program';
import { within, type Namespace } from './namespaces';

const programs = ['munged', 'slurmctld', 'slurmd'] as const;

const placeOf = (program: string): string => `/usr/sbin/${program}`;

/** Its daemons are root's: munge's key is nobody else's. */
export const hasSlurm =
  process.platform === 'linux' && process.getuid?.() === 0 && programs.every((one) => existsSync(placeOf(one)));
if (!hasSlurm) console.warn('Skipped: a job of Slurm. Needs slurm-wlm, munge and the rights of root.');

const comes = (ask: () => Promise<boolean>): Promise<boolean> => vi.waitUntil(ask, { timeout: 60_000, interval: 200 });

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => net.createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => new Promise((resolve) => server.once('listening', resolve))));
  const ports = servers.map((server) => (server.address() as net.AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

export class Cluster {
  private readonly daemons: ChildProcess[] = [];

  private constructor(
    readonly folder: string,
    /** What is put before a command that is to reach its controller. */
    private readonly before: readonly string[],
  ) {}

  /** Of one node, which has this machine's name, or of several in networks of their own, `node1` and so on; the controller is the first's. */
  static async start(networks: readonly Namespace[] = []): Promise<Cluster> {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'distillery-slurm-'));
    const places = networks.map((network) => ({ address: network.address, before: within(network) }));
    const [first, ...others] = places.length > 0 ? places : [{ address: '127.0.0.1', before: [] }];
    const cluster = new Cluster(folder, first!.before);
    const at = (name: string): string => path.join(folder, name);
    for (const name of ['state', 'spool', 'munge']) mkdirSync(at(name), { mode: 0o755 });
    writeFileSync(at('key'), randomBytes(128), { mode: 0o400 });
    const [controller, port] = await freePorts(2);
    const name = os.hostname().split('.')[0];
    const nodes = [first!, ...others].map((place, i) => ({
      ...place,
      node: places.length > 0 ? `node${i + 1}` : name!,
    }));
    const conf = {
      ClusterName: 'distillery',
      SlurmctldHost: `${name}(${first!.address})`,
      SlurmUser: 'root',
      SlurmctldPort: controller,
      AuthType: 'auth/munge',
      AuthInfo: `socket=${at('munge/socket')}`,
      CredType: 'cred/munge',
      StateSaveLocation: at('state'),
      SlurmdSpoolDir: `${at('spool')}/%n`,
      SlurmctldPidFile: at('slurmctld.pid'),
      SlurmdPidFile: at('slurmd.%n.pid'),
      ProctrackType: 'proctrack/linuxproc',
      TaskPlugin: 'task/none',
      SelectType: 'select/linear',
      SchedulerType: 'sched/builtin',
      JobAcctGatherType: 'jobacct_gather/none',
      AccountingStorageType: 'accounting_storage/none',
      MpiDefault: 'none',
      ReturnToService: 2,
      KillWait: 5,
      OverTimeLimit: 0,
    };
    const lines = Object.entries(conf).map(([key, value]) => `${key}=${value}`);
    const described = [
      ...nodes.map(
        ({ node, address }) =>
          `NodeName=${node} NodeHostname=${name} NodeAddr=${address} Port=${port} CPUs=${os.cpus().length} State=UNKNOWN`,
      ),
      `PartitionName=all Nodes=${nodes.map(({ node }) => node).join(',')} Default=YES MaxTime=60 State=UP`,
    ];
    writeFileSync(cluster.conf, `${[...lines, ...described].join('\n')}\n`);
    cluster.begin('munged', [
      ...['--foreground', '--force', `--key-file=${at('key')}`, `--socket=${at('munge/socket')}`],
      ...[`--pid-file=${at('munge/pid')}`, `--log-file=${at('munge/log')}`, `--seed-file=${at('munge/seed')}`],
    ]);
    await until(() => existsSync(at('munge/socket')));
    cluster.begin('slurmctld', ['-D', '-f', cluster.conf], first!.before);
    for (const { node, before } of nodes) cluster.begin('slurmd', ['-D', '-f', cluster.conf, '-N', node], before);
    await comes(async () => (await cluster.ask('sinfo', '-h', '-o', '%D %T')).trim() === `${nodes.length} idle`);
    return cluster;
  }

  get conf(): string {
    return path.join(this.folder, 'slurm.conf');
  }

  get environment(): NodeJS.ProcessEnv {
    return { SLURM_CONF: this.conf };
  }

  /** What one of its programs says; nothing where it fails. */
  async ask(program: string, ...args: string[]): Promise<string> {
    const env = { ...process.env, ...this.environment };
    const [command, ...words] = [...this.before, program, ...args];
    return promisify(execFile)(command!, words, { env }).then(
      ({ stdout }) => stdout,
      () => '',
    );
  }

  private begin(program: (typeof programs)[number], args: string[], before: readonly string[] = []): void {
    const env = { ...process.env, ...this.environment };
    const [command, ...words] = [...before, placeOf(program), ...args];
    this.daemons.push(spawn(command!, words, { env, stdio: process.env.SLURM_SAYS ? 'inherit' : 'ignore' }));
  }

  async end(): Promise<void> {
    await this.ask('scancel', '--full', '--user=root');
    await comes(async () => (await this.ask('squeue', '-h')).trim() === '');
    for (const daemon of this.daemons.reverse()) {
      const closed = new Promise((resolve) => daemon.once('close', resolve));
      daemon.kill();
      await closed;
    }
  }
}
