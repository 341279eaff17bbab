/** @file The JSON Schema that editors use. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { experimentEditorSchema } from '../../src/experiment/file/editor-schema';
import { experimentJsonSchema, type JsonSchema } from '../../src/experiment/file/schema';

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
