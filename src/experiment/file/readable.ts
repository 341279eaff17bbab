/** @file What can be read of an experiment that has faults, so that all else of it is checked too. */

import { formsAt, childOf, valueAt } from './schema-tree';
import { experimentSchema, type Experiment, type JsonSchema } from './schema';
import type { Path } from './source';

/** Thrown where a check looks at a setting that could not be read: it cannot say anything then. */
export class UnknownSetting extends Error {
  override readonly name = 'UnknownSetting';

  constructor(path: Path) {
    super(`"${path.join('.')}" is not known.`);
  }
}

/** Each round finds what the one before has hidden. */
const MOST_ROUNDS = 12;

/**
 * The experiment with its defaults. Of what the schema objects to, and of what may be lost around `faultAt`, each
 * throws an UnknownSetting when it is looked at. Undefined where nothing fits.
 */
export function readExperiment(written: unknown, faultAt?: Path): Experiment | undefined {
  const value = copyOf(written);
  const paths = faultAt === undefined ? [] : doubtfulAt(faultAt, value);
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const { data, error } = experimentSchema.safeParse(value);
    if (data) {
      for (const path of paths.sort((a, b) => a.length - b.length)) hide(data, path);
      return data;
    }
    for (const issue of error.issues) {
      const at = issue.path as Path;
      if (issue.code === 'unrecognized_keys') for (const key of issue.keys) remove(value, [...at, key]);
      else paths.push(makeFit(value, choiceAt(at, value)));
    }
  }
  return undefined;
}

/** The value itself, and whatever else may belong into the objects around it. */
function doubtfulAt(path: Path, value: unknown): Path[] {
  const around = [...path.keys()].map((length) => path.slice(0, length));
  return [
    path,
    ...around.flatMap((outer) => {
      const owner = valueAt(value, outer);
      const known = formsAt(outer, value).flatMap((form) => Object.keys(form.properties ?? {}));
      return known.filter((key) => childOf(owner, key) === undefined).map((key) => [...outer, key]);
    }),
  ].filter((one) => one.length > 0);
}

/** Of a key that tells an object's form, such as `source`, the object: without it nothing in there has a meaning. */
function choiceAt(path: Path, value: unknown): Path {
  const owner = path.slice(0, -1);
  const key = path.at(-1);
  if (typeof key !== 'string' || owner.length === 0) return path;
  return formsAt(owner, value).some((form) => form.properties?.[key]?.const !== undefined) ? owner : path;
}

/** Leaves a setting to its default where it has one, else puts something there that the schema accepts. Returns its path. */
function makeFit(value: unknown, path: Path): Path {
  const owner = valueAt(value, path.slice(0, -1));
  const key = path.at(-1);
  if (key === undefined || typeof owner !== 'object' || owner === null) return path;
  if (!Array.isArray(owner) && Object.hasOwn(owner, key)) remove(value, path);
  else define(owner, key, sampleOf(formsAt(path, value)));
  return path;
}

/** Some value that a schema accepts. */
function sampleOf([form]: readonly JsonSchema[]): unknown {
  if (form === undefined) return null;
  const [offered] = [...(form.examples ?? []), ...(form.enum ?? [])];
  if (offered !== undefined) return copyOf(offered);
  if (form.const !== undefined) return form.const;
  const { properties = {}, required = [], anyOf, oneOf, items } = form;
  if (anyOf ?? oneOf) return sampleOf((anyOf ?? oneOf)!);
  if (form.type === 'object') return Object.fromEntries(required.map((key) => [key, sampleOf([properties[key]!])]));
  if (form.type === 'array') return Array.isArray(items) ? items.map((one) => sampleOf([one])) : [sampleOf([items!])];
  if (form.type === 'string') return 'x';
  if (form.type === 'boolean') return false;
  return form.minimum ?? (form.exclusiveMinimum ?? 0) + 1;
}

/** From then on the setting throws when it is looked at; one that is inside of another such does already. */
function hide(data: unknown, path: Path): void {
  let owner = data;
  for (const key of path.slice(0, -1)) {
    if (isHidden(owner, key)) return;
    owner = childOf(owner, key);
  }
  const key = path.at(-1);
  if (key === undefined || typeof owner !== 'object' || owner === null || isHidden(owner, key)) return;
  Object.defineProperty(owner, key, {
    get() {
      throw new UnknownSetting(path);
    },
    enumerable: true,
    configurable: true,
  });
}

function isHidden(owner: unknown, key: string | number): boolean {
  return typeof owner === 'object' && owner !== null && Object.getOwnPropertyDescriptor(owner, key)?.get !== undefined;
}

function remove(value: unknown, path: Path): void {
  const owner = valueAt(value, path.slice(0, -1));
  if (typeof owner === 'object' && owner !== null) Reflect.deleteProperty(owner, path.at(-1)!);
}

/** Of JSON. `__proto__` is a key as any other. */
function copyOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copyOf);
  if (typeof value !== 'object' || value === null) return value;
  const copy = {};
  for (const [key, child] of Object.entries(value)) define(copy, key, copyOf(child));
  return copy;
}

function define(object: object, key: string | number, value: unknown): void {
  Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
}
