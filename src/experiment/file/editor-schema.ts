/** @file The experiment's JSON Schema for an editor that checks by other means: it completes and explains, and objects to nothing. */

import { experimentJsonSchema, type JsonSchema } from './schema';

/** What only rejects. The extension's own diagnostics say it with a remedy and a fix, and once is enough. */
const rejecting = new Set([
  'required',
  'additionalProperties',
  'minimum',
  'maximum',
  'exclusiveMinimum',
  'exclusiveMaximum',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
]);

/** Settings whose values the extension offers itself, each with what it comes to. */
const offeredByUs = new Set(['preset']);

export function experimentEditorSchema(): JsonSchema {
  // The editor's own words for JSON with comments, as our parser reads it.
  const relaxed = { allowComments: true, allowTrailingCommas: true };
  return { ...(softened(experimentJsonSchema()) as JsonSchema), ...relaxed };
}

function softened(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(softened);
  if (typeof schema !== 'object' || schema === null) return schema;
  return Object.fromEntries(
    Object.entries(schema).flatMap(([key, value]): [string, unknown][] => {
      if (rejecting.has(key) && !isProperty(schema, key)) return [];
      if (offeredByUs.has(key) && isProperty(schema, key)) {
        return [[key, { description: (value as JsonSchema & { description: string }).description }]];
      }
      // Values to choose from are still offered, but others are left to our own words.
      if (key === 'enum') return [['examples', value]];
      // One of several forms: which one a key such as "source" says. "oneOf" would object while it is not written yet.
      if (key === 'oneOf') return [['anyOf', softened(value)]];
      return [[key, ['examples', 'default', 'const'].includes(key) ? value : softened(value)]];
    }),
  );
}

/** Whether the object is a map of properties, whose keys are names. */
function isProperty(schema: object, key: string): boolean {
  const value = (schema as Record<string, unknown>)[key];
  return typeof value === 'object' && value !== null && !Array.isArray(value) && 'description' in value;
}
