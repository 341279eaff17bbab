/** @file Native libraries that can be installed, by the names under which the command line knows them. */

import type { EngineName } from './engines';

export const libraryNames = ['openvino', 'tensorflow', 'tensorflow-gpu'] as const;

export type LibraryName = (typeof libraryNames)[number];

const titles: Readonly<Record<LibraryName, string>> = {
  openvino: 'OpenVINO',
  tensorflow: 'TensorFlow',
  'tensorflow-gpu': 'TensorFlow for NVIDIA GPUs',
};

/** As people call it; an unknown one by its name. */
export function libraryTitle(name: string): string {
  return (titles as Readonly<Record<string, string>>)[name] ?? name;
}

/** The library that an engine runs with, beside those that come with this program. */
export const libraryOf: Partial<Record<EngineName, LibraryName>> = {
  openvino: 'openvino',
  'tfjs-node': 'tensorflow',
  'tfjs-node-gpu': 'tensorflow-gpu',
};
