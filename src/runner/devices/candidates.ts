/** @file Which engines this machine can have at all: decided without loading anything. */

import { installedLibrary } from '../../engine/libraries';
import { libraryOf, libraryTitle } from '../../protocol/libraries';
import { engineFacts, type EngineName } from '../../protocol/engines';
import { complaint, type Complaint } from '../../protocol/problem';
import { libraryFor } from '../install/catalog';

/** Why an engine cannot be opened here; undefined where only opening it tells. With `asked` it is named, as one that was asked for. */
export function hindranceOf(engine: EngineName, asked = false): Complaint | undefined {
  const named = asked ? engine : undefined;
  const { systems } = engineFacts[engine];
  if (systems && !systems.includes(process.platform)) {
    const names = systems.map((system) => systemNames[system] ?? system);
    return complaint('engine-of-another-system', { engine: named, systems: names });
  }
  const library = libraryOf[engine];
  if (library === undefined || installedLibrary(library)) return undefined;
  const title = libraryTitle(library);
  if (!libraryFor(library)) {
    return complaint('library-not-offered', { engine: named, title, platform: `${process.platform}-${process.arch}` });
  }
  return complaint('library-not-installed', { engine: named, title, library });
}

const systemNames: Record<string, string> = { linux: 'Linux', win32: 'Windows', darwin: 'macOS' };
