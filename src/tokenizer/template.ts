/** @file Post-processors of tokenizer.json: which special tokens stand around one text or two. */

import { membersOf, type Stage } from './tokenizer-json';

/** One part of the input: a text (0) or its pair (1), or a special token of the template. */
export type Part = { typeId: number } & ({ sequence: 0 | 1 } | { special: number });

export interface Template {
  single: Part[];
  pair: Part[];
  /** Offsets leave out the spaces that byte-level tokens carry. */
  trimOffsets: boolean;
  /** A space was added before the text, so the first token's own space is not to be trimmed. */
  addPrefixSpace: boolean;
}

const text = (typeId: number): Part => ({ sequence: 0, typeId: wholeNumber(typeId) });
const pair = (typeId: number): Part => ({ sequence: 1, typeId: wholeNumber(typeId) });
const special = (id: number, typeId: number): Part => ({ special: wholeNumber(id), typeId: wholeNumber(typeId) });

/** Of a file, where anything may stand in its place. */
function wholeNumber(value: unknown): number {
  if (typeof value === 'number' && Number.isInteger(value)) return value;
  throw new Error('An id in its "post_processor" is no whole number.');
}

const plain: Template = { single: [text(0)], pair: [text(0), pair(1)], trimOffsets: false, addPrefixSpace: false };

/** Throws an Error for a type that is not known. */
export function templateFor(stage: Stage | null): Template {
  if (stage === null) return plain;
  switch (stage.type) {
    case 'Sequence':
      return membersOf(stage).map(templateFor).reduce(combine, plain);
    case 'ByteLevel':
      return { ...plain, ...offsetHandling(stage) };
    case 'BertProcessing': {
      const [cls, sep] = idsOf(stage);
      return {
        ...plain,
        single: [special(cls, 0), text(0), special(sep, 0)],
        pair: [special(cls, 0), text(0), special(sep, 0), pair(1), special(sep, 1)],
      };
    }
    case 'RobertaProcessing': {
      const [cls, sep] = idsOf(stage);
      return {
        single: [special(cls, 0), text(0), special(sep, 0)],
        pair: [special(cls, 0), text(0), special(sep, 0), special(sep, 0), pair(0), special(sep, 0)],
        ...offsetHandling(stage),
      };
    }
    case 'TemplateProcessing':
      return { ...plain, single: partsOf(stage.single, stage), pair: partsOf(stage.pair, stage) };
    default:
      throw new Error(`The post-processor ${stage.type} is not known.`);
  }
}

function combine(first: Template, second: Template): Template {
  const hasParts = second.single.length > 1 || second.pair.length > 2;
  return {
    single: hasParts ? second.single : first.single,
    pair: hasParts ? second.pair : first.pair,
    trimOffsets: first.trimOffsets || second.trimOffsets,
    addPrefixSpace: first.addPrefixSpace || second.addPrefixSpace,
  };
}

function offsetHandling(stage: Stage): Pick<Template, 'trimOffsets' | 'addPrefixSpace'> {
  return { trimOffsets: stage.trim_offsets !== false, addPrefixSpace: stage.add_prefix_space !== false };
}

function idsOf(stage: Stage): [cls: number, sep: number] {
  const [cls, sep] = [stage.cls, stage.sep] as [string, number][];
  return [cls![1], sep![1]];
}

interface TemplateItem {
  SpecialToken?: { id: string; type_id: number };
  Sequence?: { id: 'A' | 'B'; type_id: number };
}

function partsOf(items: unknown, stage: Stage): Part[] {
  const specialTokens = stage.special_tokens as Record<string, { ids: number[] }>;
  return (items as TemplateItem[]).flatMap(({ SpecialToken, Sequence }): Part[] => {
    if (SpecialToken) {
      return (specialTokens[SpecialToken.id]?.ids ?? []).map((id) => special(id, SpecialToken.type_id));
    }
    return Sequence ? [Sequence.id === 'A' ? text(Sequence.type_id) : pair(Sequence.type_id)] : [];
  });
}
