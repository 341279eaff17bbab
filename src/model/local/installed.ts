/** @file Models that were installed by a person's pip: where they lie. */

import { join } from 'node:path';
import { installedLibrary } from '../../engine/libraries';
import { modelPackages, type ModelPackageName } from '../../protocol/model-packages';

export interface InstalledModel {
  version: string;
  /** What holds all of it. */
  folder: string;
  /** The model: that folder, or a file in it. */
  path: string;
}

/** Undefined where it is not installed. */
export function findInstalledModel(name: ModelPackageName): InstalledModel | undefined {
  const found = installedLibrary(name);
  if (!found) return undefined;
  const { version, folder } = found;
  const { file } = modelPackages[name];
  return { version, folder, path: file === undefined ? folder : join(folder, file) };
}
