/** @file A native library is loaded only where nobody but this person and root can have put it. */

import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { loadOpenVino } from '../../src/engine/openvino/loading';
import { EngineUnavailable } from '../../src/engine/executor';
import { createTensorflowExecutor } from '../../src/engine/tfjs/tensorflow';

const isUnix = process.platform !== 'win32';
const isRoot = process.getuid?.() === 0;

let base = '';
let version = '';
let file = '';
beforeEach(() => {
  base = mkdtempSync(path.join(os.tmpdir(), 'libraries-'));
  vi.stubEnv('DISTILLERY_LIBRARIES', path.join(base, 'libraries'));
  version = path.join(base, 'libraries', 'openvino', '1.2.3');
  mkdirSync(version, { recursive: true, mode: 0o755 });
  // No library: what is let through fails as one that is damaged, and nothing runs.
  file = path.join(
    version,
    { win32: 'openvino_c.dll', darwin: 'libopenvino_c.dylib' }[process.platform as string] ?? 'libopenvino_c.so.1',
  );
  writeFileSync(file, 'no library\n'.repeat(99), { mode: 0o644 });
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(base, { recursive: true });
});

function refusal(): unknown {
  try {
    loadOpenVino();
  } catch (error) {
    if (error instanceof EngineUnavailable)
      return { code: error.complaint.code, place: error.complaint.arguments.place };
    throw error;
  }
  return undefined;
}

describe('a library in a named folder', () => {
  it('that is not there is said to be not installed', () => {
    rmSync(version, { recursive: true });
    expect(refusal()).toEqual({ code: 'openvino-not-installed' });
  });
});

describe.skipIf(!isUnix)('a library in a named folder', () => {
  it("is loaded where it is this person's, or root's, and nobody else may write it", () => {
    expect(refusal()).toMatchObject({ code: 'openvino-incomplete' });
  });

  it('is refused where others may write a file of it, its folder, or the folder it lies in', () => {
    for (const place of [file, version, path.dirname(version), path.join(base, 'libraries')]) {
      for (const right of [0o020, 0o002]) {
        const before = place === file ? 0o644 : 0o755;
        chmodSync(place, before | right);
        expect(refusal()).toEqual({ code: 'library-writable-by-others', place });
        chmodSync(place, before);
      }
    }
  });

  it.skipIf(!isRoot)('is refused where it belongs to somebody else', () => {
    chownSync(file, 12345, 12345);
    expect(refusal()).toEqual({ code: 'library-of-another-user', place: file });
  });

  it("is refused where it is a link out of the folder; a link within, as a version's name is, may be", () => {
    const elsewhere = path.join(base, 'elsewhere');
    mkdirSync(elsewhere);
    symlinkSync(path.basename(file), path.join(version, 'libother.so'));
    expect(refusal()).toMatchObject({ code: 'openvino-incomplete' });
    symlinkSync(elsewhere, path.join(version, 'libs'));
    expect(refusal()).toEqual({ code: 'library-behind-link', place: path.join(version, 'libs') });
    rmSync(version, { recursive: true });
    symlinkSync(elsewhere, version);
    expect(refusal()).toEqual({ code: 'library-behind-link', place: version });
  });

  it('of TensorFlow is held to the same', async () => {
    const tensorflow = path.join(base, 'libraries', 'tensorflow', '2.0.0');
    mkdirSync(tensorflow, { recursive: true });
    chmodSync(tensorflow, 0o777);
    await expect(createTensorflowExecutor({})).rejects.toMatchObject({
      complaint: { code: 'library-writable-by-others', arguments: { place: tensorflow } },
    });
  });
});
