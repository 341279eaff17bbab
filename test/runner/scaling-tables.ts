/** @file The tables of docs/scaling.md, made by `plan` from test/data/scaling. */

import path from 'node:path';
import { deviceNamed, devices, networks } from '../../src/distill/planning/devices';
import { formatBytesOfToken, formatSeconds, planExperiment, type PlanResult } from '../../src/runner/commands/plan';
import { formatBytes, formatCount, formatLarge } from '../../src/protocol/format';

const cases = ['bert-base', '7b-to-1b', '70b-to-8b'] as const;
const fileOf = (name: string): string => path.join('test', 'data', 'scaling', `${name}.distill.json`);

/** [devices of a host, hosts] */
const machines = [
  [1, 1],
  [8, 1],
  [8, 8],
  [8, 128],
] as const;

const TRILLION = 1e12;

/** Tokens of each case's corpus: what such students are given. */
const corpora = { 'bert-base': 1e9, '7b-to-1b': 100e9, '70b-to-8b': TRILLION };

const table = (rows: readonly (readonly string[])[]): string =>
  [rows[0]!, rows[0]!.map(() => '---'), ...rows.slice(1)].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

function rowOf(count: number, { chosen, seconds }: PlanResult): string[] {
  return [
    formatCount(count),
    chosen.fits ? (count === 1 ? 'one device' : chosen.strategy) : 'nothing fits',
    formatBytes(chosen.memoryBytes),
    `${formatCount(chosen.rowsPerDevice)} × ${formatCount(chosen.gradientAccumulation)}`,
    formatBytes(chosen.communicationBytes),
    ...(chosen.fits
      ? [chosen.computeSeconds, chosen.communicationSeconds, chosen.stepSeconds, seconds].map(formatSeconds)
      : ['–', '–', '–', '–']),
  ];
}

const head = [
  'strategy',
  'memory of each',
  'rows × batches',
  'sent by each, a step',
  'computing',
  'communication',
  'a step',
  'in all',
];

/** By the name of their place in the document. */
export async function scalingTables(): Promise<Record<string, string>> {
  const device = deviceNamed('H100')!;
  const tables: Record<string, string> = {};
  const made = [
    ...cases.map((name) => [name, 'H100'] as const),
    // Larger memory for the largest.
    ['70b-to-8b', 'H200'] as const,
  ];
  for (const [name, deviceName] of made) {
    const device = deviceNamed(deviceName)!;
    for (const teacher of ['asked', 'elsewhere'] as const) {
      const rows: string[][] = [];
      for (const [count, hosts] of machines) {
        const plan = await planExperiment(fileOf(name), {
          devices: { count, device },
          hosts,
          teacher,
          tokens: corpora[name],
        });
        rows.push(rowOf(count * hosts, plan));
      }
      tables[`${name}, ${deviceName}, ${teacher}`] = table([[deviceName, ...head], ...rows]);
    }
  }
  const kept: string[][] = [];
  for (const name of cases) {
    const plan = await planExperiment(fileOf(name), { devices: { count: 8, device }, hosts: 8, tokens: TRILLION });
    for (const { name: way, bytesOfToken, bytes, passes } of plan.kept) {
      const pays = passes === undefined ? 'never' : formatCount(passes, 2);
      kept.push([name, way, formatBytesOfToken(bytesOfToken), formatBytes(bytes), pays]);
    }
  }
  tables.kept = table([['case', 'kept', 'a token', 'of 1 T tokens', 'pays above so many passes'], ...kept]);
  tables.devices = table([
    ['device', 'memory', 'bfloat16', 'float32', 'its memory', 'link, one direction', 'between hosts', 'source'],
    ...devices.map((one) => [
      one.name,
      formatBytes(one.memoryBytes),
      `${formatLarge(one.operations.bfloat16)}FLOP/s`,
      `${formatLarge(one.operations.float32)}FLOP/s`,
      `${formatBytes(one.memoryRate)}/s`,
      `${one.link.name}, ${formatBytes(one.link.rate)}/s`,
      one.network,
      one.source,
    ]),
  ]);
  tables.networks = table([
    ['between hosts', 'one direction', 'source'],
    ...Object.entries(networks).map(([name, { rate, each, source }]) => [
      name,
      `${formatBytes(rate)}/s for each ${each}`,
      source,
    ]),
  ]);
  return tables;
}

/** The document with its tables as they are now. */
export function withTables(document: string, tables: Readonly<Record<string, string>>): string {
  return document.replaceAll(/<!-- plan: (.+?) -->[\s\S]*?<!-- end -->/g, (_, name: string) => {
    const made = tables[name];
    if (made === undefined) throw new Error(`no table is called ${name}`);
    return `<!-- plan: ${name} -->\n\n${made}\n\n<!-- end -->`;
  });
}
