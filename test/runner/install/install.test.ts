/** @file Installing OpenVINO with the real program and the real pip, and every way in which that can fail. */

import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi, type TestContext } from 'vitest';
import { installedLibrary } from '../../../src/engine/libraries';
import type { LibraryRecord } from '../../../src/protocol/machine-records';
import { installLibrary, type InstallListener } from '../../../src/runner/install/install';
import { ensureWheel, hasWheel, keptWheel, openvino } from '../../harness/kept-wheel';
import { distilleryHere } from '../in-process';
import { distillery, document, start, stoppingAt, untilStopped, type Outcome } from '../program';
import { zipOf } from './zip';

const wheelFile = path.basename(keptWheel);

const folder = (): string => mkdtempSync(path.join(os.tmpdir(), 'distillery-test-'));
const quiet: InstallListener = { progress: () => undefined, note: () => undefined };

/** pip finds wheels in this folder and nowhere else. */
const offline = (wheels: string) => ({ PIP_NO_INDEX: '1', PIP_FIND_LINKS: wheels, PIP_CONFIG_FILE: os.devNull });

const install = (libraries: string, environment: NodeJS.ProcessEnv = {}, more: string[] = []): Promise<Outcome> =>
  distillery(['devices', '--install', 'openvino', ...more], folder(), {
    DISTILLERY_LIBRARIES: libraries,
    ...environment,
  });

/** As {@link install}, in this process. */
const refused = (libraries: string, environment: NodeJS.ProcessEnv = {}, more: string[] = []): Promise<Outcome> =>
  distilleryHere(['devices', '--install', 'openvino', ...more], folder(), {
    DISTILLERY_LIBRARIES: libraries,
    ...environment,
  });

/** What is in the library's folder, other than what an installation needs on its way. */
const versionsIn = (libraries: string): string[] => {
  const home = path.join(libraries, 'openvino');
  return existsSync(home) ? readdirSync(home).filter((name) => /^\d/.test(name)) : [];
};

beforeAll(ensureWheel, 300_000);

const givenPath = process.env.PATH;
/** Of the Python that "python3" comes to: where that is a wrapper, as pyenv's, each start of it takes half as long as pip does. */
const asked = spawnSync('python3', ['-c', 'import sys; print(sys.executable)'], { encoding: 'utf8' });
const python = asked.status === 0 ? asked.stdout.trim() : '';
beforeAll(() => {
  if (python) process.env.PATH = [path.dirname(python), givenPath].join(path.delimiter);
});
afterAll(() => {
  process.env.PATH = givenPath;
});

afterEach(() => {
  vi.unstubAllEnvs();
});

const needWheel = ({ skip }: TestContext): void => {
  if (!hasWheel()) skip('the wheel cannot be fetched here');
};

describe('installing a library', () => {
  it('fetches it by its name with pip, unpacks what is needed, says how far it is, and leaves nothing else', async (context) => {
    needWheel(context);
    const libraries = folder();
    const { stdout, stderr } = await install(libraries, offline(path.dirname(keptWheel)), ['--json']);
    // For programs, in lines of JSON.
    const lines = stderr
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.map(({ phase }) => phase)).toEqual(expect.arrayContaining(['checking', 'unpacking']));
    for (const { phase, bytes, of } of lines) if (phase !== undefined) expect(bytes).toBeLessThanOrEqual(of as number);
    const result = JSON.parse(stdout) as LibraryRecord;
    const home = path.join(libraries, 'openvino');
    expect(result).toEqual({
      library: 'openvino',
      version: openvino!.version,
      folder: path.join(home, openvino!.version),
    });
    expect(readdirSync(home).sort()).toEqual([openvino!.version, 'install.log'].sort());
    const files = readdirSync(result.folder!, { recursive: true }) as string[];
    expect(files.some((file) => /openvino_c\b/.test(file))).toBe(true);
    expect(files.some((file) => file.endsWith('LICENSE'))).toBe(true);
    expect(files.filter((file) => /pytorch|npu|\.pyc?$/.test(file))).toEqual([]);
    const log = readFileSync(path.join(home, 'install.log'), 'utf8');
    expect(log).toContain(`fetching ${wheelFile}`);
    expect(log).toContain('installed OpenVINO');

    vi.stubEnv('DISTILLERY_LIBRARIES', libraries);
    expect(installedLibrary('openvino')).toEqual({
      version: openvino!.version,
      folder: result.folder,
      root: libraries,
      isPackaged: false,
    });
    const removed = await document(['devices', '--remove', 'openvino'], folder(), { DISTILLERY_LIBRARIES: libraries });
    expect(removed).toEqual({ library: 'openvino', removed: true });
    expect(readdirSync(libraries)).toEqual([]);
  });

  it('takes a wheel that the person has, without Python, and is done by one process at a time', async (context) => {
    needWheel(context);
    const libraries = folder();
    // Two at once, of which one does it.
    const outcomes = await Promise.all([1, 2].map(() => install(libraries, { PATH: folder() }, ['--file', keptWheel])));
    const [first, second] = outcomes.sort((a, b) => a.code! - b.code!);
    expect([first!.code, first!.stderr]).toEqual([0, expect.stringContaining('installed OpenVINO')]);
    // Too late to meet the other, it finds the library there.
    if (second!.code !== 0) expect(second!.stderr).toMatch(/Process \d+ is installing or removing it/);
    expect(versionsIn(libraries)).toEqual([openvino!.version]);
    const again = await install(libraries, { PATH: folder() });
    expect([again.code, again.stderr]).toEqual([0, expect.stringContaining('already installed')]);
  });

  it('killed while it unpacks, has installed nothing, and goes on with what was downloaded', async (context) => {
    needWheel(context);
    const libraries = folder();
    const environment = { DISTILLERY_LIBRARIES: libraries, ...offline(path.dirname(keptWheel)) };
    const held = { ...environment, ...stoppingAt('said', 'unpacking') };
    const { child, outcome } = start(['devices', '--install', 'openvino', '--json'], folder(), held);
    await untilStopped(child);
    child.kill('SIGKILL');
    expect((await outcome).signal).toBe('SIGKILL');
    vi.stubEnv('DISTILLERY_LIBRARIES', libraries);
    expect(installedLibrary('openvino')).toBeUndefined();
    expect(readdirSync(path.join(libraries, 'openvino', 'download'))).toEqual([wheelFile]);
    // No Python any more: the wheel that was downloaded does.
    const { code } = await install(libraries, { PATH: folder() });
    expect(code).toBe(0);
    expect(installedLibrary('openvino')?.version).toBe(openvino!.version);
    expect(readdirSync(path.join(libraries, 'openvino')).sort()).toEqual([openvino!.version, 'install.log'].sort());
  });

  it('cancelled, says so and has installed nothing', async (context) => {
    needWheel(context);
    const libraries = folder();
    const environment = { DISTILLERY_LIBRARIES: libraries, ...stoppingAt('said', 'checking') };
    const { child, outcome } = start(
      ['devices', '--install', 'openvino', '--file', keptWheel, '--json'],
      folder(),
      environment,
    );
    await untilStopped(child);
    child.kill('SIGTERM');
    child.kill('SIGCONT');
    const { code, stderr } = await outcome;
    expect([code, stderr]).toEqual([1, expect.stringContaining('The installation was cancelled.')]);
    expect(versionsIn(libraries)).toEqual([]);
  });

  it.skipIf(process.platform === 'win32').each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    'ended by %s while pip waits for its index, ends pip too where Python is a wrapper of another',
    async (signal) => {
      const [libraries, programs] = [folder(), folder()];
      // As pyenv's shims and others do: the Python is a child of what was started.
      const wrapper = `#!/bin/sh\n"${python}" "$@" &\nwait $!\n`;
      writeFileSync(path.join(programs, 'python3'), wrapper, { mode: 0o755 });
      // Takes every request and answers none.
      const index = createServer();
      await once(index.listen(0, '127.0.0.1'), 'listening');
      const environment = {
        DISTILLERY_LIBRARIES: libraries,
        PATH: [programs, process.env.PATH].join(path.delimiter),
        PIP_INDEX_URL: `http://127.0.0.1:${(index.address() as AddressInfo).port}/`,
        PIP_FIND_LINKS: '',
        PIP_CONFIG_FILE: os.devNull,
      };
      const { child, outcome } = start(['devices', '--install', 'openvino', '--json'], folder(), environment);
      const [connection] = (await once(index, 'connection')) as [Socket];
      connection.resume().on('error', () => undefined);
      child.kill(signal);
      const { code, stderr } = await outcome;
      expect([code, stderr]).toEqual([1, expect.stringContaining('The installation was cancelled.')]);
      // Only the end of pip closes its connection.
      await vi.waitFor(() => expect(connection.closed).toBe(true), 20_000).finally(() => connection.destroy());
      index.close();
      expect(readdirSync(path.join(libraries, 'openvino', 'download'))).toEqual([]);
    },
  );
});

describe('a library that cannot be installed', () => {
  /** Each says what is wrong and what to do, that the CPU works, and leaves nothing that would be taken for a library. */
  function expectFailure({ code, stderr }: Outcome, libraries: string, what: RegExp, remedy: RegExp): void {
    expect(stderr).toMatch(what);
    expect(stderr).toMatch(remedy);
    expect(stderr).toContain('"engine": "cpu" works without it');
    expect(stderr).not.toMatch(/at .*runner\.js/);
    expect(code).toBe(1);
    expect(versionsIn(libraries)).toEqual([]);
  }

  it('for want of Python', async () => {
    const libraries = folder();
    expectFailure(
      await refused(libraries, { PATH: folder() }),
      libraries,
      /There is no Python/,
      /Install Python 3.*--file/,
    );
  });

  it.skipIf(process.platform === 'win32')('for want of pip', async () => {
    const [libraries, programs] = [folder(), folder()];
    // Without its site-packages a Python has no pip, as Debian's own.
    writeFileSync(path.join(programs, 'python3'), `#!/bin/sh\nexec "${python}" -S -I "$@"\n`);
    chmodSync(path.join(programs, 'python3'), 0o755);
    expectFailure(
      await refused(libraries, { PATH: programs }),
      libraries,
      /python3 is there, but without pip/,
      /ensurepip/,
    );
  });

  it('for want of a network', async () => {
    const libraries = folder();
    const unreachable = {
      PIP_INDEX_URL: 'http://127.0.0.1:9/',
      PIP_FIND_LINKS: '',
      PIP_RETRIES: '1',
      PIP_CONFIG_FILE: os.devNull,
    };
    expectFailure(
      await refused(libraries, unreachable),
      libraries,
      /pip cannot reach its package index/,
      /proxy and index/,
    );
  });

  it('where the index does not have it', async () => {
    const libraries = folder();
    expectFailure(await refused(libraries, offline(folder())), libraries, /index has no openvino/, /mirror.*--file/);
  });

  it('where another file is offered in its place', async () => {
    const [libraries, mirror] = [folder(), folder()];
    writeFileSync(path.join(mirror, wheelFile), zipOf({ 'openvino/libs/libopenvino.so': 'something else' }));
    const outcome = await refused(libraries, offline(mirror));
    expectFailure(outcome, libraries, /SHA-256 differs\. Nothing was installed/, /mirror.*--file/);
    expect(readdirSync(path.join(libraries, 'openvino'))).not.toContain(wheelFile);
  });

  it.each([
    ['a text', 'notes.txt', 'not a zip', /is not a wheel/],
    ['a file that is not there', 'missing.whl', undefined, /is not a wheel \(or cannot be read\)/],
    [
      'the wheel of another version',
      'openvino-2024.1.0-1-cp310-cp310-win_amd64.whl',
      zipOf({ a: 'b' }),
      /is openvino 2024\.1\.0 \(cp310, win_amd64\), not a wheel of OpenVINO/,
    ],
    ['a wheel of that name with other content', wheelFile, zipOf({ a: 'b' }), /is damaged, or not the published one/],
  ])('from %s', async (_, name, content, what) => {
    const libraries = folder();
    const file = path.join(folder(), name);
    if (content !== undefined) writeFileSync(file, content);
    expectFailure(await refused(libraries, {}, ['--file', file]), libraries, what, /Choose/);
  });

  it('from a wheel that was cut off', async (context) => {
    needWheel(context);
    const libraries = folder();
    const file = path.join(folder(), wheelFile);
    copyFileSync(keptWheel, file);
    truncateSync(file, 1_000_000);
    expectFailure(await refused(libraries, {}, ['--file', file]), libraries, /is damaged/, /Choose openvino-/);
  });

  it('into a place that is no folder', async () => {
    const file = path.join(folder(), 'file');
    writeFileSync(file, '');
    expectFailure(await refused(path.join(file, 'libraries')), file, /cannot be written/, /DISTILLERY_LIBRARIES/);
  });

  it('on another platform', async () => {
    vi.stubEnv('DISTILLERY_LIBRARIES', folder());
    const original = process.arch;
    Object.defineProperty(process, 'arch', { value: 's390x' });
    try {
      await expect(installLibrary('tensorflow', quiet)).rejects.toMatchObject({
        complaint: { code: 'install-wrong-platform' },
        message: expect.stringMatching(/cannot be installed on .*s390x, only on linux-x64/) as string,
      });
    } finally {
      Object.defineProperty(process, 'arch', { value: original });
    }
  });

  it('for want of space, before anything is fetched', async () => {
    vi.stubEnv('DISTILLERY_LIBRARIES', folder());
    const freeBytes = (): Promise<number> => Promise.resolve(50e6);
    await expect(installLibrary('openvino', quiet, { freeBytes })).rejects.toMatchObject({
      complaint: { code: 'install-disk-too-small' },
      message: expect.stringMatching(/OpenVINO needs \d+\sMB .* has 50\.0\sMB left/) as string,
    });
  });

  it('on a disk that fills up meanwhile', async (context) => {
    needWheel(context);
    const mounted = folder();
    const mount = ['-t', 'tmpfs', '-o', 'size=40m', 'tmpfs', mounted];
    if (process.platform !== 'linux' || spawnSync('mount', mount).status !== 0)
      context.skip('no small disk can be made');
    try {
      const { stderr, code } = await refused(mounted, {}, ['--file', keptWheel]);
      expect([code, stderr]).toEqual([1, expect.stringContaining('OpenVINO needs')]);
      // As if the space had been there when it was looked for.
      vi.stubEnv('DISTILLERY_LIBRARIES', mounted);
      const options = { files: [keptWheel], freeBytes: () => Promise.resolve(Infinity) };
      await expect(installLibrary('openvino', quiet, options)).rejects.toMatchObject({
        complaint: { code: 'install-disk-full' },
      });
      expect(installedLibrary('openvino')).toBeUndefined();
      expect(readdirSync(path.join(mounted, 'openvino')).filter((name) => name !== 'install.log')).toEqual([]);
    } finally {
      spawnSync('umount', [mounted]);
      rmSync(mounted, { recursive: true, force: true });
    }
  });
});
