/** @file What the package in python/, which trains on PyTorch, has of what an experiment may ask for. */

/** The engine's name in an experiment file. It is none of those that run recorded programs: it trains, and another engine does the rest. */
export const torchrunEngine = 'torchrun';

/** Model families that it computes; `FAMILIES` of python/distillery_torch/models.py. */
export const torchrunFamilies = [
  'bert',
  'roberta',
  'xlm-roberta',
  'gpt2',
  'llama',
  'mistral',
  'qwen2',
  'qwen3',
  'smollm3',
] as const;

/** How the work is divided: the batch alone (DDP), or parameters, gradients and moments too (FSDP2). */
export const torchrunStrategies = ['auto', 'ddp', 'fsdp'] as const;

/** Where dropout masks come from: those of the recorded engines to the last bit, or drawn on the device, which is faster. */
export const torchrunDraws = ['exact', 'device'] as const;

/** The oldest PyTorch that has all that is used: FSDP2 and a norm that is taken apart from the clipping. */
export const oldestTorch = [2, 6] as const;
