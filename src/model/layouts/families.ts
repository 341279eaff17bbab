/** @file The table of model families, as their checkpoints lie on disk; `transformer.ts` has the table of what they compute. */

import { bertLayout } from './bert';
import { distilbertLayout } from './distilbert';
import { electraLayout } from './electra';
import { gpt2Layout } from './gpt2';
import type { FamilyLayout } from './layout';
import { llamaLayouts } from './llama';
import { modernbertLayout } from './modernbert';
import { mpnetLayout } from './mpnet';
import { robertaLayout, xlmRobertaLayout } from './roberta';

/** By config.json's `model_type`. Of those that can do a task the first is proposed. */
const layouts = {
  bert: bertLayout,
  distilbert: distilbertLayout,
  roberta: robertaLayout,
  'xlm-roberta': xlmRobertaLayout,
  electra: electraLayout,
  mpnet: mpnetLayout,
  modernbert: modernbertLayout,
  gpt2: gpt2Layout,
  ...llamaLayouts,
} satisfies Record<string, FamilyLayout>;

export type Family = keyof typeof layouts;

export const familyLayouts: Readonly<Record<Family, FamilyLayout>> = layouts;

/** Model families that are implemented. */
export const familyNames = Object.keys(layouts) as Family[];

/** Of an architecture. */
export const familyOf = ({ family }: { family: string }): Family => family as Family;

/** @param family of an architecture */
export function layoutOf(family: string): FamilyLayout {
  return familyLayouts[family as Family];
}
