/** @file Two network namespaces of this machine, joined by a cable. */

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { torture } from '../torture';

export interface Namespace {
  name: string;
  address: string;
  link: string;
}

/** What is put before a command that is to run in its network; all else is as it is outside. */
export const within = ({ name }: Namespace): string[] => ['nsenter', `--net=/var/run/netns/${name}`];

/** As two hosts that know no names. */
export async function twoHosts<T>(work: (hosts: readonly [Namespace, Namespace]) => Promise<T>): Promise<T> {
  const ip = (...args: string[]) => promisify(execFile)('ip', args);
  const hosts = ['a', 'b'].map((letter, i) => ({
    name: `distillery-${process.pid}-${letter}`,
    address: `10.231.7.${i + 1}`,
    link: `d${process.pid % 100_000}${letter}`,
  }));
  const [first, second] = hosts as [(typeof hosts)[number], (typeof hosts)[number]];
  try {
    for (const { name } of hosts) await ip('netns', 'add', name);
    await ip('link', 'add', first.link, 'netns', first.name, 'type', 'veth', 'peer', second.link, 'netns', second.name);
    for (const { name, address, link } of hosts) {
      await ip('-n', name, 'addr', 'add', `${address}/24`, 'dev', link);
      for (const device of ['lo', link]) await ip('-n', name, 'link', 'set', device, 'up');
    }
    return await work([first, second]);
  } finally {
    for (const { name } of hosts) await ip('netns', 'del', name).catch(() => undefined);
  }
}

/** Asked where it is wanted: long forms alone use them. */
export const hasNamespaces =
  torture &&
  process.platform === 'linux' &&
  (await twoHosts(() => Promise.resolve(true)).catch(() => {
    console.warn('Skipped: two hosts. Network namespaces need the rights of root.');
    return false;
  }));
