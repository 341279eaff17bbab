/** @file Finds and loads OpenVINO, once in a process, or says in plain words why it cannot be and what helps. */

import { EngineUnavailable } from '../executor';
import { findLibrary } from '../libraries';
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
    throw new EngineUnavailable(
      ENGINE,
      'OpenVINO is not installed.',
      'Install it with "distillery devices --install openvino", or use the engine "cpu".',
    );
  }
  try {
    return new OpenVinoLibrary(folder);
  } catch (error) {
    throw unavailable(folder, error instanceof Error ? error.message : String(error));
  }
}

/** What the system's loader says when a library does not fit, and what that means to a person. */
const causes: readonly { pattern: RegExp; message: string; remedy: string }[] = [
  {
    pattern: /GLIBC(XX)?_[\d.]+'? not found/,
    message: 'The C library of this Linux is too old for OpenVINO, which needs glibc 2.28 or later.',
    remedy: 'Use the engine "cpu", or a newer system: Debian 10, Ubuntu 20.04, RHEL 8 and later have it.',
  },
  {
    pattern: /Error relocating|ld-linux|libc\.so\.6/,
    message: 'OpenVINO needs a Linux with glibc; this one has another C library.',
    remedy: 'Use the engine "cpu", or a system with glibc.',
  },
  {
    pattern:
      /invalid ELF header|wrong ELF class|cannot open shared object file: No such file|incompatible architecture|not a valid Win32/i,
    message: 'The installed OpenVINO is incomplete, or was made for another system.',
    remedy: 'Remove it and install it again on this machine.',
  },
  {
    pattern: /VCRUNTIME|MSVCP|specified module could not be found/i,
    message: 'OpenVINO needs the Microsoft Visual C++ runtime, which this Windows does not have.',
    remedy: 'Install "Microsoft Visual C++ Redistributable" (x64), or use the engine "cpu".',
  },
];

/** The error for a library that is there and cannot be loaded. */
export function unavailable(folder: string, reason: string): EngineUnavailable {
  const cause = causes.find(({ pattern }) => pattern.test(reason)) ?? {
    message: 'OpenVINO cannot be loaded.',
    remedy: 'Remove it and install it again, or use the engine "cpu".',
  };
  return new EngineUnavailable(ENGINE, `${cause.message} (${folder}: ${reason})`, cause.remedy);
}
