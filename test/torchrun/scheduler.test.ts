/** What schedulers are told of an exported experiment: by Slurm's own options, Kubernetes' own fields and the shell's own reading. */

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { describe, expect, it } from 'vitest';
import { torchrunSchema } from '../../src/experiment/file/blocks/torchrun';
import { hostPattern, rendezvousPattern } from '../../src/protocol/torchrun';
import { pytorchJob, runScript, slurmScript } from '../../src/runner/torchrun/scheduler';
import { machinesElsewhere } from '../../src/runner/torchrun/torchrun';

const jobs = ['student', 'controls/no-distillation'];

/** An experiment with this block. */
const withBlock = (block: object, name = 'Größe: 7B → 1B') => ({ name, torchrun: torchrunSchema.parse(block) });

const readByShell = (script: string, shell = 'bash'): void => {
  execFileSync(shell, ['-n'], { input: script });
};

/** Options of sbatch(1) that are used, each with the values that it takes. */
const options: Record<string, RegExp> = {
  'job-name': /^[\w-]+$/,
  nodes: /^\d+$/,
  'ntasks-per-node': /^\d+$/,
  'gpus-per-node': /^\d+$/,
  partition: /^[\w,.-]+$/,
  account: /^[\w.-]+$/,
  qos: /^[\w.-]+$/,
  time: /^(?:\d+-\d+(?::\d+){0,2}|\d+(?::\d+){0,2})$/,
  output: /^\S+$/,
  'open-mode': /^(?:append|truncate)$/,
  signal: /^(?:[BR]{1,2}:)?[A-Z]+@\d+$/,
  requeue: /^$/,
};

function directivesOf(script: string): Record<string, string> {
  const lines = script.split('\n');
  // sbatch reads no further than the first command.
  const end = lines.findIndex((line) => line !== '' && !line.startsWith('#'));
  const found = lines.slice(0, end).filter((line) => line.startsWith('#SBATCH'));
  expect(lines.filter((line) => line.startsWith('#SBATCH'))).toEqual(found);
  return Object.fromEntries(
    found.map((line): [string, string] => {
      const [, name, value = ''] = /^#SBATCH --([a-z-]+)(?:=(\S+))?$/.exec(line)!;
      expect(value, name).toMatch(options[name!]!);
      return [name!, value];
    }),
  );
}

describe.skipIf(process.platform === 'win32')('a job of Slurm', () => {
  it('asks for what the experiment says, by options that sbatch has', () => {
    const experiment = withBlock({
      where: 'slurm',
      hosts: 4,
      devices: '8xH100',
      slurm: { partition: 'gpu', account: 'nlp', qos: 'high', time: '2-00:00:00' },
    });
    const script = slurmScript(experiment, machinesElsewhere(experiment), jobs);
    readByShell(script);
    expect(directivesOf(script)).toEqual({
      'job-name': 'distillery-gro-e-7b-1b',
      nodes: '4',
      'ntasks-per-node': '1',
      'gpus-per-node': '8',
      partition: 'gpu',
      account: 'nlp',
      qos: 'high',
      time: '2-00:00:00',
      output: 'slurm.log',
      'open-mode': 'append',
      signal: 'B:TERM@120',
      requeue: '',
    });
  });

  it('asks for no more than it must', () => {
    const experiment = withBlock({ where: 'slurm' });
    const directives = directivesOf(slurmScript(experiment, machinesElsewhere(experiment), jobs));
    expect(directives.nodes).toBe('1');
    expect(directives).not.toHaveProperty('gpus-per-node');
  });

  it('is begun by a script that every shell reads', () => {
    for (const processes of [undefined, 8]) readByShell(runScript(jobs, processes), 'sh');
  });
});

describe('a manifest for Kubernetes', () => {
  const schema = z.fromJSONSchema(
    JSON.parse(readFileSync('test/data/pytorchjob.schema.json', 'utf8')) as Parameters<typeof z.fromJSONSchema>[0],
  );
  const manifest = (block: object) => {
    const experiment = withBlock(block);
    return pytorchJob(experiment, machinesElsewhere(experiment));
  };

  it.each([
    {},
    { hosts: 4, devices: '8xH100', kubernetes: { claim: 'runs', namespace: 'nlp', image: 'registry:5000/torch:2.9' } },
    { hosts: 2, devices: '8xMI300X', rendezvous: 'a.example:1234' },
  ])('has the fields of a PyTorchJob and no others: %j', (block) => {
    expect(schema.safeParse(manifest(block)).error).toBeUndefined();
  });

  it('has a master and as many workers as there are other hosts, which meet at the master', () => {
    const { pytorchReplicaSpecs } = manifest({ hosts: 4, devices: '8xH100' }).spec as {
      pytorchReplicaSpecs: Record<string, { replicas: number; template: unknown }>;
    };
    expect([pytorchReplicaSpecs.Master!.replicas, pytorchReplicaSpecs.Worker!.replicas]).toEqual([1, 3]);
    const text = JSON.stringify(pytorchReplicaSpecs.Worker);
    expect(text).toContain('{"name":"RENDEZVOUS","value":"distillery-gro-e-7b-1b-master-0:29400"}');
    expect(text).toContain('"nvidia.com/gpu":8');
  });

  it('is held to its schema', () => {
    expect(schema.safeParse({ ...manifest({}), kind: 'Job' }).success).toBe(false);
    const wrong = JSON.parse(JSON.stringify(manifest({})).replace('"image"', '"picture"')) as object;
    expect(schema.safeParse(wrong).success).toBe(false);
  });
});

it('a file puts nothing into a script that a shell or a scheduler would read as more', () => {
  const evil = ['$(id)', '`id`', 'a;id', 'a\nb', 'a b', '-oProxyCommand=id', '"', '--wrap=id', '#', ''];
  for (const word of evil) {
    for (const key of ['partition', 'account', 'qos', 'time']) {
      expect([word, key, torchrunSchema.safeParse({ slurm: { [key]: word } }).success]).toEqual([word, key, false]);
    }
    expect(torchrunSchema.safeParse({ rendezvous: `${word}:1` }).success).toBe(false);
    expect(torchrunSchema.safeParse({ kubernetes: { image: word } }).success).toBe(false);
    expect(hostPattern.test(word)).toBe(false);
  }
  expect(rendezvousPattern.test('node-1.example:29400')).toBe(true);
  expect(['gpu1', 'me@gpu1.example', '10.0.0.1'].every((host) => hostPattern.test(host))).toBe(true);
});
