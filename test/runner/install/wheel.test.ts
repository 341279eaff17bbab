/** @file Unpacking wheels, and the table of those that are known. */

import { existsSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { libraryNames } from '../../../src/protocol/libraries';
import { libraryFor, platformsOf, wheelTags, type Kept } from '../../../src/runner/install/catalog';
import { InstallError } from '../../../src/runner/install/install-error';
import { unpackWheel } from '../../../src/runner/install/wheel';
import { zipOf } from './zip';

const keep: readonly Kept[] = [
  { pattern: /^thing\/libs\/\w+\.so$/, as: 'name' },
  { pattern: /^nvidia\/.*\.so$/, as: 'path' },
];

function wheelOf(files: Record<string, string>): { file: string; folder: string; parent: string } {
  const parent = mkdtempSync(path.join(os.tmpdir(), 'distillery-test-'));
  const file = path.join(parent, 'thing.whl');
  writeFileSync(file, zipOf(files));
  return { file, folder: path.join(parent, 'unpacked'), parent };
}

describe('unpacking a wheel', () => {
  it('takes what is needed, by name or by path, and the licences', async () => {
    const { file, folder } = wheelOf({
      'thing/libs/a.so': 'library a',
      'thing/libs/a.py': 'not needed',
      'nvidia/cublas/lib/b.so': 'library b',
      'thing-1.0.dist-info/licenses/LICENSE': 'licence',
      'thing-1.0.dist-info/licenses/licensing/tbb_third-party-programs.txt': 'notices',
      'thing-1.0.dist-info/RECORD': 'not needed',
    });
    let bytes = 0;
    await unpackWheel(file, folder, keep, (more) => (bytes += more));
    const found = (readdirSync(folder, { recursive: true }) as string[]).filter((name) =>
      /\.(so|txt|py)|LIC|REC/.test(name),
    );
    expect(found.sort()).toEqual([
      'a.so',
      'licenses/thing-1.0/LICENSE',
      'licenses/thing-1.0/licensing/tbb_third-party-programs.txt',
      'nvidia/cublas/lib/b.so',
    ]);
    expect(readFileSync(path.join(folder, 'nvidia/cublas/lib/b.so'), 'utf8')).toBe('library b');
    expect(bytes).toBe('library alibrary blicencenotices'.length);
  });

  it.skipIf(process.platform === 'win32')('gives nobody else the right to write, whatever the umask', async () => {
    const { file, folder } = wheelOf({ 'nvidia/cublas/lib/b.so': 'library b' });
    const before = process.umask(0);
    await unpackWheel(file, folder, keep, () => undefined).finally(() => process.umask(before));
    const places = [
      folder,
      ...['nvidia', 'nvidia/cublas/lib', 'nvidia/cublas/lib/b.so'].map((p) => path.join(folder, p)),
    ];
    expect(places.filter((place) => (statSync(place).mode & 0o022) !== 0)).toEqual([]);
  });

  it.each([
    ['nvidia/../../evil.so'],
    ['/nvidia/evil.so'],
    ['thing-1.0.dist-info/licenses/../../../../evil-LICENSE'],
    ['nvidia\\..\\..\\evil.so'],
  ])('writes nothing outside its folder: %s', async (name) => {
    const { file, folder, parent } = wheelOf({ [name]: 'evil' });
    await unpackWheel(file, folder, keep, () => undefined).catch((error: unknown) => error);
    const written = (readdirSync(parent, { recursive: true }) as string[]).filter((one) => one.includes('evil'));
    expect(written.filter((one) => !one.startsWith('unpacked'))).toEqual([]);
    expect(existsSync('/nvidia')).toBe(false);
  });

  it('says of any other file that it is no wheel', async () => {
    const { folder, parent } = wheelOf({});
    const file = path.join(parent, 'thing.whl');
    writeFileSync(file, 'text');
    await expect(unpackWheel(file, folder, keep, () => undefined)).rejects.toThrow(InstallError);
  });
});

describe('the known wheels', () => {
  const known = libraryNames.flatMap((name) =>
    platformsOf(name).map((platform) => ({ name, platform, library: libraryFor(name, platform)! })),
  );

  it.each(known)('$name for $platform has names, sizes and hashes', ({ library }) => {
    for (const { file, sha256, bytes } of library.wheels) {
      expect(wheelTags(file)).toBeDefined();
      expect(sha256).toMatch(/^[0-9a-f]{64}$/);
      expect(bytes).toBeGreaterThan(500_000);
    }
    expect(wheelTags(library.wheels[0]!.file)!.version).toBe(library.version);
    const hashes = library.wheels.map(({ sha256 }) => sha256);
    expect(new Set(hashes).size).toBe(hashes.length);
  });

  it('are asked for by name alone: no address is in the installer', () => {
    const sources = readdirSync('src/runner/install').map((name) => readFileSync(`src/runner/install/${name}`, 'utf8'));
    expect(sources.filter((text) => /https?:/.test(text))).toEqual([]);
  });

  it('say by their names what they are', () => {
    expect(wheelTags('openvino-2026.4.1-22982-cp311-cp311-win_amd64.whl')).toEqual({
      package: 'openvino',
      version: '2026.4.1',
      python: 'cp311',
      abi: 'cp311',
      platforms: ['win_amd64'],
    });
    expect(wheelTags('nvidia_cublas_cu12-12.5.3.2-py3-none-manylinux2014_x86_64.whl')).toMatchObject({
      package: 'nvidia-cublas-cu12',
      abi: 'none',
    });
    expect(wheelTags('notes.txt')).toBeUndefined();
  });
});
