/** @file The table of model families, as their checkpoints lie on disk; `transformer.ts` has the table of what they compute. */

import type { Family } from './architecture';
import { bertLayout } from './bert-layout';
import { distilbertLayout } from './distilbert-layout';
import { gpt2Layout } from './gpt2-layout';
import type { FamilyLayout } from './layout';
import { llamaLayout, mistralLayout, qwen2Layout, qwen3Layout, smollm3Layout } from './llama-layouts';

export const familyLayouts: Record<Family, FamilyLayout> = {
  bert: bertLayout,
  distilbert: distilbertLayout,
  gpt2: gpt2Layout,
  llama: llamaLayout,
  mistral: mistralLayout,
  qwen2: qwen2Layout,
  qwen3: qwen3Layout,
  smollm3: smollm3Layout,
};

export function layoutOf(family: Family): FamilyLayout {
  return familyLayouts[family];
}
