/** @file The table of model families, as their checkpoints lie on disk; `transformer.ts` has the table of what they compute. */

import type { Family } from '../architecture';
import { bertLayout } from './bert';
import { distilbertLayout } from './distilbert';
import { electraLayout } from './electra';
import { gpt2Layout } from './gpt2';
import type { FamilyLayout } from './layout';
import { modernbertLayout } from './modernbert';
import {
  gemma2Layout,
  gemma3Layout,
  llamaLayout,
  mistralLayout,
  olmo2Layout,
  phi3Layout,
  qwen2Layout,
  qwen3Layout,
  smollm3Layout,
} from './llama';
import { robertaLayout, xlmRobertaLayout } from './roberta';

export const familyLayouts: Record<Family, FamilyLayout> = {
  bert: bertLayout,
  distilbert: distilbertLayout,
  gemma2: gemma2Layout,
  gemma3_text: gemma3Layout,
  gpt2: gpt2Layout,
  roberta: robertaLayout,
  'xlm-roberta': xlmRobertaLayout,
  electra: electraLayout,
  modernbert: modernbertLayout,
  llama: llamaLayout,
  mistral: mistralLayout,
  olmo2: olmo2Layout,
  phi3: phi3Layout,
  qwen2: qwen2Layout,
  qwen3: qwen3Layout,
  smollm3: smollm3Layout,
};

export function layoutOf(family: Family): FamilyLayout {
  return familyLayouts[family];
}
