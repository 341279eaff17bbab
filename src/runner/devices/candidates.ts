/** @file Which engines this machine can have at all: decided without loading anything. */

import { installedLibrary } from '../../engine/libraries';
import { libraryOf, libraryTitle, type LibraryName } from '../../protocol/libraries';
import { engineFacts, type EngineName } from '../../protocol/engines';
import { libraryFor } from '../install/catalog';

export interface Hindrance {
  /** One sentence. */
  why: string;
  remedy: string;
  /** The library whose installation would help. */
  install?: LibraryName;
}

/** Why an engine cannot be opened here; undefined where only opening it tells. */
export function hindranceOf(engine: EngineName): Hindrance | undefined {
  const { systems } = engineFacts[engine];
  if (systems && !systems.includes(process.platform)) {
    const where = systems.map((system) => systemNames[system]).join(' and ');
    return { why: `It exists on ${where} only.`, remedy: OTHER_ENGINE };
  }
  const library = libraryOf[engine];
  if (library === undefined || installedLibrary(library)) return undefined;
  const title = libraryTitle(library);
  if (!libraryFor(library)) {
    return { why: `${title} cannot be had for ${process.platform}-${process.arch}.`, remedy: OTHER_ENGINE };
  }
  const remedy = `Install it: distillery devices --install ${library}`;
  return { why: `${title} is not installed.`, remedy, install: library };
}

const OTHER_ENGINE = 'Use the engine "auto" or "cpu".';

const systemNames: Record<string, string> = { linux: 'Linux', win32: 'Windows', darwin: 'macOS' };
