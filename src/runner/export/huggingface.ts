/** @file A model as the Hugging Face folder that it is: a copy. */

import { cp } from 'node:fs/promises';

export const copyFolder = (model: string, folder: string): Promise<void> => cp(model, folder, { recursive: true });
