/** @file Copies a model's folder with its weights as float16: half the bytes, and every loader of the format reads them. */

import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readSafetensors, toFloat32, writeSafetensors } from '../../src/model/files/safetensors';
import { encodeFloat16 } from '../../src/protocol/float16';

/** Without what a run adds for people, such as the model card. */
export async function storeHalved(model: string, target: string): Promise<void> {
  await mkdir(target, { recursive: true });
  for (const name of ['config.json', 'tokenizer.json', 'tokenizer_config.json', 'special_tokens_map.json']) {
    await copyFile(join(model, name), join(target, name)).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    });
  }
  const tensors = Object.entries(await readSafetensors(join(model, 'model.safetensors')));
  const halved = tensors.map(([name, tensor]) => {
    return [name, { shape: tensor.shape, data: encodeFloat16(toFloat32(tensor)!) }] as const;
  });
  await writeSafetensors(join(target, 'model.safetensors'), Object.fromEntries(halved), { format: 'pt' });
}
