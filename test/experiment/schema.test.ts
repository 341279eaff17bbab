/** @file The JSON Schema that editors use. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type * as z from 'zod';
import { experimentEditorSchema } from '../../src/experiment/file/editor-schema';
import { experimentJsonSchema, experimentSchema, type JsonSchema } from '../../src/experiment/file/schema';

const committed = join(import.meta.dirname, '../../media/experiment.schema.json');

describe('the JSON Schema of experiment files', () => {
  it('is committed as the zod schema has it (else run npm run generate)', () => {
    expect(JSON.parse(readFileSync(committed, 'utf8'))).toEqual(JSON.parse(JSON.stringify(experimentJsonSchema())));
  });

  it('is committed without what rejects for the editor, whose own diagnostics say more', () => {
    const file = join(import.meta.dirname, '../../media/experiment.editor.schema.json');
    const schema = JSON.parse(readFileSync(file, 'utf8')) as JsonSchema;
    expect(schema).toEqual(JSON.parse(JSON.stringify(experimentEditorSchema())));
    expect(Object.keys(schema.properties ?? {})).toEqual(Object.keys(experimentJsonSchema().properties ?? {}));
    expect(JSON.stringify(schema)).not.toMatch(/"(required|additionalProperties|enum|oneOf|minimum|minItems)":/);
  });

  it('describes every key, so that each has a hover', () => {
    const bare: string[] = [];
    const visit = (schema: JsonSchema & { description?: string }, path: string, isChoice: boolean) => {
      if (path !== '' && !isChoice && schema.description === undefined) bare.push(path);
      for (const part of [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])]) visit(part, path, true);
      for (const [key, property] of Object.entries(schema.properties ?? {})) {
        visit(property, `${path}.${key}`, property.const !== undefined);
      }
    };
    visit(experimentJsonSchema(), '', false);
    expect(bare).toEqual([]);
  });

  it('requires only what has no default', () => {
    expect(experimentJsonSchema().required).toEqual(['task', 'dataset', 'teacher', 'student']);
  });
});

/** All schemas that one is made of, itself among them. */
function* partsOf(schema: z.core.$ZodType): Generator<z.core.$ZodType> {
  yield schema;
  const { shape, element, items, options, innerType, keyType, valueType } = schema._zod.def as unknown as Partial<
    Record<'shape' | 'items' | 'options', Record<string, z.core.$ZodType>>
  > &
    Partial<Record<'element' | 'innerType' | 'keyType' | 'valueType', z.core.$ZodType>>;
  const parts = [shape, items, options].flatMap((several) => Object.values(several ?? {}));
  for (const part of [...parts, element, innerType, keyType, valueType]) if (part) yield* partsOf(part);
}

describe('the schema of experiment files', () => {
  it('refuses an object with a length of its own wherever a text or a list is meant', () => {
    const types = ['string', 'array'];
    const meant = [...partsOf(experimentSchema)].filter(({ _zod: { def } }) => types.includes(def.type)) as z.ZodType[];
    expect(meant.length).toBeGreaterThan(30);
    const faults = meant.flatMap((schema) => {
      try {
        return schema.safeParse({ length: { toString: 1 } }).success ? [schema.description ?? schema.type] : [];
      } catch (error) {
        return [`${schema.type}: ${String(error)}`];
      }
    });
    expect(faults).toEqual([]);
  });
});
