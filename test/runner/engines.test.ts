/** @file Which engine a run gets: the one it names, or the fastest by measurement; and what is said where that cannot be. */

import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { installedLibrary } from '../../src/engine/libraries';
import type { DeviceRecord } from '../../src/protocol/machine-records';
import type { RunRecord } from '../../src/protocol/records';
import { deviceText } from '../../src/runner/commands/devices';
import { chooseEngine } from '../../src/runner/devices/choose-engine';
import { machineFacts } from '../../src/runner/devices/expected-engine';
import type { Remembered } from '../../src/runner/devices/measurements';
import { hasBfloat16 } from '../engine/processor';
import { distilleryHere } from './in-process';
import {
  dataOf,
  distillery,
  document,
  onlyRun,
  runnerFile,
  start,
  stoppingAt,
  tinyWorkspace,
  until,
  untilStopped,
  type Outcome,
  type TinyExperiment,
} from './program';

const task = 'text-classification';
const short = (more: Partial<TinyExperiment> = {}): string =>
  tinyWorkspace({ task, training: { epochs: 1 }, controls: [], ...more });
const recordOf = (workspace: string): RunRecord =>
  JSON.parse(readFileSync(path.join(onlyRun(workspace), 'run.json'), 'utf8')) as RunRecord;

/** Begins the run, and ends it where its teacher trains: what computes has been chosen then. */
async function untilTraining(workspace: string, environment?: NodeJS.ProcessEnv): Promise<Outcome> {
  const stopping = { ...stoppingAt('teacher', 1), ...environment };
  const { child, outcome } = start(['run', 'tiny.distill.json'], workspace, stopping);
  await untilStopped(child);
  child.kill('SIGKILL');
  return outcome;
}

/** Of this machine: whether one engine is expected to be the fastest where nothing is known. */
const { mayHaveGpu, isOfKnownKind } = machineFacts();
const hasOpenVino = installedLibrary('openvino') !== undefined;
const expects = hasOpenVino && isOfKnownKind && !mayHaveGpu;

/** A folder without any library. */
const none = { DISTILLERY_LIBRARIES: path.join(os.tmpdir(), 'distillery-no-libraries') };

/** What is here, asked once: each engine is tried in a process of its own. */
let asked: Promise<{ devices: DeviceRecord[] }> | undefined;

/** Node's own account of each process that is started. */
const processes = { NODE_DEBUG: 'child_process' };

function remembersOf(workspace: string): Remembered {
  const file = path.join(dataOf(workspace), 'measurements.json');
  const nothing: Remembered = { measurements: [], compared: [], failures: [] };
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Remembered) : nothing;
}

/** A run has ended by then; what it has started for that goes on. */
async function untilCompared(workspace: string): Promise<Remembered> {
  return until(() => {
    const found = remembersOf(workspace);
    return found.compared.length > 0 && found;
  });
}

/** Ends what a run has started to compare engines: that it was started is all that is asked. */
async function endComparison(workspace: string): Promise<void> {
  const isOfIt = (pid: string): boolean => {
    try {
      const [asked, environment] = ['cmdline', 'environ'].map((name) => readFileSync(`/proc/${pid}/${name}`, 'utf8'));
      return asked!.includes('\0compare-engines\0') && environment!.includes(`DISTILLERY_DATA=${dataOf(workspace)}\0`);
    } catch {
      return false; // It has ended meanwhile.
    }
  };
  const pid = await until(() => readdirSync('/proc').find((name) => /^\d+$/.test(name) && isOfIt(name)));
  process.kill(Number(pid), 'SIGKILL');
}

/** Remembered times, as if measured: `auto` then has no reason to measure. */
async function rememberTimes(workspace: string, stepMs: Record<string, number>): Promise<void> {
  const { devices } = await (asked ??= document(['devices'], workspace));
  const [subject, version] = [{ precision: 'float32', time: new Date().toISOString() }, '0.1.0'];
  const entries = devices.map(({ engine, name, library }) => {
    const known = { engine, ...subject, version: library ? `${version}+${library.version}` : version };
    const time = stepMs[engine];
    return time === undefined
      ? { ...known, reason: 'left out' }
      : { ...known, device: name, stepMs: time, tokensPerSecond: 1024e3 / time };
  });
  const file = {
    measurements: [],
    compared: entries.filter((entry) => 'stepMs' in entry),
    failures: entries.filter((entry) => 'reason' in entry),
  };
  mkdirSync(dataOf(workspace), { recursive: true });
  writeFileSync(path.join(dataOf(workspace), 'measurements.json'), JSON.stringify(file));
}

/** Two runs and a training step on every engine, the slow ones too: on a busy machine minutes. */
const MEASURING = 400_000;

describe('an engine that cannot be had', () => {
  it.each([
    ['openvino', /OpenVINO is not installed\. Install it: distillery devices --install openvino/],
    ['tfjs-node', /TensorFlow is not installed\. Install it: distillery devices --install tensorflow/],
    [process.platform === 'win32' ? 'coreml' : 'directml', /It exists on .* only\. Use the engine "auto" or "cpu"/],
  ])('%s: the run ends at its place in the file, before there is a run directory', async (engine, what) => {
    const workspace = short({ engine });
    const { code, stderr } = await distilleryHere(['run', 'tiny.distill.json'], workspace, none);
    expect([code, stderr]).toEqual([2, expect.stringMatching(what)]);
    const line =
      readFileSync(path.join(workspace, 'tiny.distill.json'), 'utf8')
        .split('\n')
        .findIndex((text) => text.includes('"engine"')) + 1;
    expect(stderr).toContain(`tiny.distill.json:${line}:13: The engine "${engine}" cannot be used`);
    expect(existsSync(path.join(workspace, '.distillery'))).toBe(false);
  });

  it('for asking a model is said too', async () => {
    // In a process of its own: what one has loaded it does not look for again.
    const { code, stderr } = await distillery(['inspect', '.', '--text', 'x', '--engine', 'openvino'], short(), none);
    expect([code, stderr]).toEqual([2, expect.stringContaining('not installed')]);
  });

  it.each([
    ['cpu', 'bfloat16', /"cpu" does not compute in bfloat16\. Use "float32", or the engine "openvino"/],
    ['auto', 'bfloat16', /No engine here computes in bfloat16\. .*--install openvino/],
  ])('%s in %s', async (engine, precision, what) => {
    const workspace = short({ engine, precision });
    const { code, stderr } = await distilleryHere(['run', 'tiny.distill.json'], workspace, none);
    expect([code, stderr]).toEqual([2, expect.stringMatching(what)]);
    expect(existsSync(path.join(workspace, '.distillery'))).toBe(false);
  });
});

describe('the engine auto', () => {
  it('takes the CPU where there is nothing else, with as many threads as are asked for, and says so', async () => {
    const workspace = short({ engine: 'auto', threads: 1 });
    const { code, stderr } = await distillery(['run', 'tiny.distill.json'], workspace, none);
    expect(code).toBe(0);
    expect(recordOf(workspace)).toMatchObject({
      status: 'done',
      engine: 'cpu',
      engineReason: `auto took cpu: ${mayHaveGpu ? 'no other works here' : 'there is no other here'}`,
      device: expect.stringMatching(/, 1 thread$/) as string,
    });
    const log = readFileSync(path.join(onlyRun(workspace), 'log.txt'), 'utf8');
    expect(log).toContain('auto took cpu');
    // There was nothing to hold it against.
    const { measurements, failures } = remembersOf(workspace);
    expect(measurements).toEqual([]);
    // Where no file of the system's stands for a GPU, none is looked for.
    expect(failures.some(({ engine }) => engine === 'webgpu')).toBe(mayHaveGpu);
    expect(stderr).toMatch(/distillery devices --install openvino \(\d/);
    // Once it is known that no other works, nothing is measured, and nothing said of it.
    const later = { ...none, DISTILLERY_DATA: dataOf(workspace) };
    expect((await untilTraining(short({ engine: 'auto' }), later)).stderr).not.toContain('measuring');
  });

  it.skipIf(!hasOpenVino)('takes the fastest, whichever that is, and stays with it when the run goes on', async () => {
    const workspace = short({ engine: 'auto' });
    await rememberTimes(workspace, { cpu: 90, openvino: 40 });
    await untilTraining(workspace);
    const record = recordOf(workspace);
    expect(record.engine).toBe('openvino');
    expect(record.engineReason).toMatch(
      /^auto took openvino, the fastest here: a small step takes openvino 40\.0\sms, cpu 90\.0\sms$/,
    );

    const other = short({ engine: 'auto' });
    await rememberTimes(other, { cpu: 40, openvino: 90 });
    await untilTraining(other);
    expect(recordOf(other).engine).toBe('cpu');
  });

  it.skipIf(!expects)(
    'begins with what is the fastest on processors of this kind, and compares when the run is done',
    async () => {
      const workspace = short({ engine: 'auto' });
      const { code, stderr } = await distillery(['run', 'tiny.distill.json'], workspace, processes);
      expect([code, stderr]).toEqual([0, expect.not.stringMatching(/'try-engine'|measuring/)]);
      expect(stderr.match(/'compare-engines'/g)).toHaveLength(1);
      const record = recordOf(workspace);
      expect(record).toMatchObject({ status: 'done', engine: 'openvino' });
      expect(record.engineReason).toMatch(/^auto took openvino, the fastest on all processors of this kind so far: /);
      expect(readFileSync(path.join(onlyRun(workspace), 'log.txt'), 'utf8')).toContain(record.engineReason);
      // Nothing that a process has left of its beginning outlives it.
      expect(readdirSync(path.join(dataOf(workspace), 'begun'))).toEqual([]);
      // It has ended; what it has started goes on.
      const { compared } = await untilCompared(workspace);
      expect(compared.map(({ engine }) => engine).sort()).toEqual(['cpu', 'openvino']);
    },
    MEASURING,
  );

  it.skipIf(!expects)('compares once for all runs of a sweep, and for none that was stopped', async () => {
    const workspace = short({ engine: 'auto', distillation: { temperature: 2 } });
    const file = path.join(workspace, 'tiny.distill.json');
    const experiment = JSON.parse(readFileSync(file, 'utf8')) as object;
    writeFileSync(file, JSON.stringify({ ...experiment, sweep: { 'distillation.temperature': [1, 2] } }));
    const { code, stderr } = await distillery(['sweep', 'tiny.distill.json'], workspace, processes);
    expect([code, stderr.match(/'compare-engines'/g)?.length]).toEqual([0, 1]);
    await endComparison(workspace);

    const other = short({ engine: 'auto' });
    const { child, outcome } = start(['run', 'tiny.distill.json'], other, {
      ...stoppingAt('teacher', 1),
      ...processes,
    });
    await untilStopped(child);
    child.kill('SIGTERM');
    child.kill('SIGCONT');
    const stopped = await outcome;
    expect([stopped.code, recordOf(other).status]).toEqual([0, 'stopped']);
    expect(stopped.stderr).not.toMatch(/'compare-engines'|'try-engine'/);
  });

  it.skipIf(!hasOpenVino)('is compared no more where that is known', async () => {
    const workspace = short();
    await rememberTimes(workspace, { cpu: 40, openvino: 90 });
    const before = remembersOf(workspace);
    const { code, stderr } = await distillery(['compare-engines'], workspace, processes);
    expect([code, stderr]).toEqual([0, expect.not.stringContaining("'try-engine'")]);
    expect(remembersOf(workspace)).toEqual(before);
  });

  it.skipIf(!expects)(
    'compares first where a process that had begun so has ended hard',
    async () => {
      const workspace = short({ engine: 'auto' });
      expect((await untilTraining(workspace, processes)).stderr).not.toContain('measuring');
      const later = { DISTILLERY_DATA: dataOf(workspace), ...processes };
      const second = await untilTraining(short({ engine: 'auto' }), later);
      expect(second.stderr.match(/'--compare'/g)).toHaveLength(1);
      expect(second.stderr).toMatch(/measuring once what computes fastest here: cpu, openvino/);
    },
    MEASURING,
  );

  it.skipIf(!expects)('falls back to the CPU where what is expected to be the fastest cannot be opened', async () => {
    const library = mkdtempSync(path.join(os.tmpdir(), 'distillery-test-'));
    mkdirSync(path.join(library, 'openvino', '9.9.9'), { recursive: true });
    writeFileSync(path.join(library, 'openvino', '9.9.9', 'libopenvino_c.so.1'), 'no library');
    const workspace = short({ engine: 'auto' });
    const { code, stderr } = await distillery(['run', 'tiny.distill.json'], workspace, {
      ...processes,
      DISTILLERY_LIBRARIES: library,
    });
    expect([code, stderr]).toEqual([0, expect.stringMatching(/auto's choice, openvino, cannot be opened: /)]);
    expect(recordOf(workspace)).toMatchObject({ engine: 'cpu', engineReason: 'auto fell back to cpu' });
    expect(stderr).not.toContain("'compare-engines'");
  });

  it.skipIf(!hasOpenVino)(
    'elsewhere compares once what it does not know, in a process of its own, and opens what else may be here in another',
    async () => {
      const [before, workspace] = [process.argv[1]!, short()];
      vi.stubEnv('DISTILLERY_DATA', dataOf(workspace));
      process.argv[1] = runnerFile;
      try {
        const notes: string[] = [];
        const told = { note: (line: string) => void notes.push(line) };
        const elsewhere = { mayHaveGpu: true, isOfKnownKind: false };
        const choice = await chooseEngine('float32', told, elsewhere);
        const { compared, failures } = remembersOf(workspace);
        expect(notes).toContainEqual(
          expect.stringMatching(/^measuring once what computes fastest here: cpu, openvino/),
        );
        expect([choice!.isExpected, choice!.reason]).toEqual([undefined, expect.stringMatching(/the fastest here/)]);
        expect(compared.map(({ engine }) => engine).sort()).toEqual(['cpu', 'openvino']);
        const fastest = [...compared].sort((a, b) => a.stepMs - b.stepMs)[0]!;
        if (!mayHaveGpu)
          expect([choice!.engine, failures.map(({ engine }) => engine)]).toEqual([
            fastest.engine,
            expect.arrayContaining(['webgpu']),
          ]);
        // What is known is not asked for again.
        notes.length = 0;
        expect((await chooseEngine('float32', told, elsewhere))!.engine).toBe(choice!.engine);
        expect(notes).toEqual([]);
      } finally {
        process.argv[1] = before;
        vi.unstubAllEnvs();
      }
    },
    MEASURING,
  );

  it('falls back to the CPU where everything about engines is broken', async () => {
    const workspace = short({ engine: 'auto' });
    // A file in the place of the folder for measurements and queues.
    const file = path.join(mkdtempSync(path.join(os.tmpdir(), 'distillery-test-')), 'file');
    writeFileSync(file, '');
    const { code, stderr } = await distillery(['run', 'tiny.distill.json', '--json'], workspace, {
      ...none,
      DISTILLERY_DATA: file,
    });
    expect([code, stderr]).toEqual([0, expect.stringContaining('not waiting for other runs')]);
    expect(recordOf(workspace)).toMatchObject({ status: 'done', engine: 'cpu' });
  });
});

describe('a named engine', () => {
  it.skipIf(!hasOpenVino)(
    'is what computes, in bfloat16 where the processor can, and is said in run.json',
    async () => {
      const workspace = short({ engine: 'openvino', precision: hasBfloat16 ? 'bfloat16' : 'float32' });
      // To the end a run on it is that of "auto", above.
      await untilTraining(workspace);
      const record = recordOf(workspace);
      expect([record.status, record.engine, record.engineReason]).toEqual(['running', 'openvino', undefined]);
    },
  );

  it.skipIf(!hasOpenVino || hasBfloat16)(
    'is refused in bfloat16 where the processor has none, at its place',
    async () => {
      const { code, stderr } = await distilleryHere(
        ['run', 'tiny.distill.json'],
        short({ engine: 'openvino', precision: 'bfloat16' }),
      );
      expect([code, stderr]).toEqual([2, expect.stringContaining('has neither AMX nor AVX512_BF16')]);
      expect(stderr).toContain('Use the precision "float32"');
      expect(stderr).toMatch(/tiny\.distill\.json:\d+:\d+: /);
    },
  );
});

describe('devices', () => {
  it('names every engine, what it computes with, and why not or what to do, and asks one process for all', async () => {
    // Node's own account of each process that is started.
    const environment = { ...none, NODE_DEBUG: 'child_process' };
    const { code, stdout, stderr } = await distillery(['devices', '--json'], short(), environment);
    expect([code, stderr.match(/'try-engine'/g)?.length]).toEqual([0, 1]);
    const { devices } = JSON.parse(stdout) as { devices: DeviceRecord[] };
    expect(devices.map(({ engine }) => engine).slice(0, 3)).toEqual(['cpu', 'openvino', 'webgpu']);
    // What a person reads of each.
    for (const device of devices) expect(deviceText(device)).toContain(device.engine);
    expect(devices[0]).toMatchObject({
      engine: 'cpu',
      available: true,
      reason: null,
      precisions: ['float32'],
      speeds: [],
    });
    expect(devices[0]!.memoryBytes).toBeGreaterThan(1e9);
    expect(devices[1]).toMatchObject({ available: false, install: 'openvino', precisions: ['float32', 'bfloat16'] });
    for (const { available, reason } of devices) expect(reason === null).toBe(available);
  });

  it('a driver that crashes or says nothing only disqualifies itself', async () => {
    const library = mkdtempSync(path.join(os.tmpdir(), 'distillery-test-'));
    const folder = path.join(library, 'openvino', '9.9.9');
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, 'libopenvino_c.so.1'), 'no library');
    const { devices } = await document<{ devices: DeviceRecord[] }>(['devices'], short(), {
      DISTILLERY_LIBRARIES: library,
    });
    expect(devices[0]).toMatchObject({ engine: 'cpu', available: true });
    expect(devices[1]).toMatchObject({ engine: 'openvino', available: false });
    expect(devices[1]!.reason).not.toBe('');
  });
});
