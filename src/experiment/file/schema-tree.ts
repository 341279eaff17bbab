/** @file Looks things up in the experiment's JSON Schema: what may stand at a place, and where a key belongs. */

import { experimentJsonSchema, type JsonSchema } from './schema';
import type { Path } from './source';

let cached: JsonSchema | undefined;

function rootSchema(): JsonSchema {
  return (cached ??= experimentJsonSchema());
}

/** Every form that the value at `path` may have. `root` is the whole value; it decides between forms such as `source`. */
export function formsAt(path: Path, root: unknown): JsonSchema[] {
  let forms = fitting([rootSchema()], root);
  let value = root;
  for (const key of path) {
    value = childOf(value, key);
    forms = fitting(
      forms.flatMap((form) => stepInto(form, key)),
      value,
    );
  }
  return forms;
}

function stepInto(form: JsonSchema, key: string | number): JsonSchema[] {
  if (typeof key === 'string') {
    const property = form.properties?.[key];
    return property === undefined ? [] : [property];
  }
  const items = Array.isArray(form.items) ? form.items[key] : form.items;
  return items === undefined ? [] : [items];
}

/** Unions opened; of forms that a key such as `source` tells apart, those that the value agrees with, or all if none does. */
function fitting(forms: JsonSchema[], value: unknown): JsonSchema[] {
  const open = forms.flatMap(openUnion);
  const agreeing = open.filter((form) =>
    Object.entries(form.properties ?? {}).every(
      // What is left out has its default, which each form has of its own.
      ([key, { const: constant }]) => {
        const given = childOf(value, key);
        return constant === undefined || given === undefined || constant === given;
      },
    ),
  );
  return agreeing.length > 0 ? agreeing : open;
}

const opened = new WeakMap<JsonSchema, JsonSchema[]>();

/** The alternatives of a union; what is said of the union (description, examples, default) is said of each. */
function openUnion(schema: JsonSchema): JsonSchema[] {
  const known = opened.get(schema);
  if (known !== undefined) return known;
  const { anyOf, oneOf, ...shared } = schema;
  const alternatives = anyOf ?? oneOf;
  const open =
    alternatives === undefined
      ? [schema]
      : alternatives.flatMap(openUnion).map((alternative) => ({ ...shared, ...alternative }));
  opened.set(schema, open);
  return open;
}

/** Where a key is known: the path of its object without list indices, and what must be chosen there for it. */
export interface Home {
  path: string[];
  /** The key and value that tell the object's form, such as `source` and "train". */
  choice?: [key: string, value: string];
}

let homes: Map<string, Home[]> | undefined;

/** All places where a key may stand, the outermost first. */
export function homesOf(key: string): readonly Home[] {
  return (homes ??= allHomes()).get(key) ?? [];
}

function allHomes(): Map<string, Home[]> {
  const homes = new Map<string, Home[]>();
  let level: { schema: JsonSchema; path: string[] }[] = [{ schema: rootSchema(), path: [] }];
  while (level.length > 0) {
    const next: typeof level = [];
    for (const { schema, path } of level) {
      for (const form of openUnion(schema)) {
        for (const [name, property] of Object.entries(form.properties ?? {})) {
          homes.set(name, [...(homes.get(name) ?? []), homeOf(form, path)]);
          next.push({ schema: property, path: [...path, name] });
        }
      }
    }
    level = next;
  }
  return homes;
}

function homeOf(form: JsonSchema, path: string[]): Home {
  const choice = Object.entries(form.properties ?? {}).find(([, property]) => typeof property.const === 'string');
  return choice === undefined ? { path } : { path, choice: [choice[0], choice[1].const as string] };
}

export function childOf(value: unknown, key: string | number): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
  return (value as Record<string | number, unknown>)[key];
}

export function valueAt(root: unknown, path: Path): unknown {
  return path.reduce<unknown>(childOf, root);
}
