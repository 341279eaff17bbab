/** @file Finds and loads OpenVINO, once in a process, or says in plain words why it cannot be and what helps. */

import { complaint } from '../../protocol/problem';
import { EngineUnavailable } from '../executor';
import { findLibrary, libraryDanger } from '../libraries';
import { OpenVinoLibrary } from './library';

const ENGINE = 'openvino';

let loaded: OpenVinoLibrary | undefined;

/** @throws EngineUnavailable */
export function loadOpenVino(): OpenVinoLibrary {
  return (loaded ??= load());
}

function load(): OpenVinoLibrary {
  const folder = findLibrary(ENGINE);
  if (folder === undefined) {
    throw new EngineUnavailable(ENGINE, complaint('openvino-not-installed', {}));
  }
  const danger = libraryDanger(ENGINE);
  if (danger) throw new EngineUnavailable(ENGINE, danger);
  try {
    return new OpenVinoLibrary(folder);
  } catch (error) {
    throw unavailable(folder, error instanceof Error ? error.message : String(error));
  }
}

/** What the system's loader says when a library does not fit, and what that means to a person. */
const causes = [
  {
    pattern: /GLIBC(XX)?_[\d.]+'? not found/,
    code: 'openvino-old-glibc',
  },
  {
    pattern: /Error relocating|ld-linux|libc\.so\.6/,
    code: 'openvino-no-glibc',
  },
  {
    pattern:
      /invalid ELF header|wrong ELF class|cannot open shared object file: No such file|incompatible architecture|not a valid Win32/i,
    code: 'openvino-incomplete',
  },
  {
    pattern: /VCRUNTIME|MSVCP|specified module could not be found/i,
    code: 'openvino-no-runtime',
  },
] as const;

/** The error for a library that is there and cannot be loaded. */
export function unavailable(folder: string, reason: string): EngineUnavailable {
  const code = causes.find(({ pattern }) => pattern.test(reason))?.code ?? 'openvino-not-loaded';
  return new EngineUnavailable(ENGINE, complaint(code, { folder, reason }));
}
