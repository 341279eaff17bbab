/** @file Turns what the schema objects to into a sentence and a remedy, in the words of the experiment file. */

import type { z } from 'zod';
import type { Fix } from '../../protocol/problem';
import { inline, removeKey, renameKey, setValue } from './fixes';
import type { JsonSchema } from './schema';
import { formsAt, homesOf, valueAt, type Home } from './schema-tree';
import type { Path } from './source';
import { closestName } from './suggest';

export interface Objection {
  path: Path;
  /** Whether the key at `path` is at fault, not its value. */
  key?: boolean;
  message: string;
  remedy: string;
  fixes?: Fix[];
}

type Issue = z.core.$ZodIssue;

/** What to tell about an issue of the schema. `root` is the whole experiment, as written. */
export function describeIssue(issue: Issue, root: unknown): Objection[] {
  const path = issue.path as Path;
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => unknownKey(path, key, root));
    case 'invalid_union':
      return describeUnion(issue, path, root);
    case 'too_small':
    case 'too_big':
      return [outOfRange(issue, path, root)];
    default:
      return [wrongValue(path, root)];
  }
}

function unknownKey(path: Path, key: string, root: unknown): Objection {
  const forms = formsAt(path, root);
  const known = forms.flatMap((form) => Object.keys(form.properties ?? {}));
  const at = { path: [...path, key], key: true };
  const homes = homesOf(key);
  const here = path.filter((part) => typeof part === 'string').join('.');
  const alternative = homes.find((home) => home.choice !== undefined && home.path.join('.') === here);
  if (alternative !== undefined) return misplacedByChoice(at, key, alternative, path, root);
  const close = closestName(key, known);
  const message = path.length === 0 ? `"${key}" is not known.` : `"${key}" is not known in "${here}".`;
  if (close !== undefined) {
    return {
      ...at,
      message,
      remedy: `Did you mean "${close}"?`,
      fixes: [renameKey(at.path, close), removeKey(at.path)],
    };
  }
  const fixes = [removeKey(at.path)];
  const home = homes.find((candidate) => candidate.path.join('.').startsWith(here)) ?? homes[0];
  if (home !== undefined) return { ...at, message, remedy: `It belongs ${placeName(home)}.`, fixes };
  return {
    ...at,
    message,
    fixes,
    remedy: `Remove it, or use one of ${list(known.filter((name) => name !== '$schema'))}.`,
  };
}

function misplacedByChoice(
  at: { path: Path; key: boolean },
  key: string,
  home: Home,
  path: Path,
  root: unknown,
): Objection {
  const [discriminator, wanted] = home.choice!;
  const chosen = valueAt(root, [...path, discriminator]);
  return {
    ...at,
    message: `"${key}" has no meaning with "${discriminator}": ${show(chosen)}.`,
    remedy: `Remove it, or choose "${discriminator}": "${wanted}".`,
    fixes: [removeKey(at.path)],
  };
}

function placeName(home: Home): string {
  return home.path.length === 0 ? 'at the top of the file' : `in "${home.path.join('.')}"`;
}

function describeUnion(issue: Extract<Issue, { code: 'invalid_union' }>, path: Path, root: unknown): Objection[] {
  // The alternative of the right type is what was meant; its issues say what is wrong with it.
  const meant = issue.errors.find(
    (issues) => !issues.some(({ code, path: [first] }) => code === 'invalid_type' && first === undefined),
  );
  if (meant === undefined) return [wrongValue(path, root)];
  return meant.flatMap((inner) => describeIssue({ ...inner, path: [...path, ...inner.path] }, root));
}

type RangeIssue = Extract<Issue, { code: 'too_small' | 'too_big' }>;

function outOfRange(issue: RangeIssue, path: Path, root: unknown): Objection {
  const value = valueAt(root, path);
  const name = nameOf(path);
  if (typeof value === 'number') {
    return {
      path,
      message: `${name} must be ${boundOf(issue)}, not ${value}.`,
      remedy: advise(path, root, boundOf(issue)),
      fixes: exampleFixes(path, root),
    };
  }
  if (issue.code === 'too_small' && (value === '' || (Array.isArray(value) && value.length === 0))) {
    return {
      path,
      message: `${name} is empty.`,
      remedy: advise(path, root, 'a value'),
      fixes: exampleFixes(path, root),
    };
  }
  const [limit, side] = issue.code === 'too_small' ? [issue.minimum, 'least'] : [issue.maximum, 'most'];
  const size = `at ${side} ${limit} ${typeof value === 'string' ? 'characters' : 'entries'}`;
  return { path, message: `${name} must have ${size}.`, remedy: advise(path, root, `one with ${size}`) };
}

function boundOf(issue: RangeIssue): string {
  return issue.code === 'too_small'
    ? `${issue.inclusive === true ? 'at least' : 'greater than'} ${issue.minimum}`
    : `${issue.inclusive === true ? 'at most' : 'less than'} ${issue.maximum}`;
}

function wrongValue(path: Path, root: unknown): Objection {
  const value = valueAt(root, path);
  const forms = formsAt(path, root);
  if (value === undefined && typeof path.at(-1) === 'string') return missing(path, root);
  const choices = choicesOf(forms).filter((choice) => typeof choice === 'string');
  if (choices.length > 0 && typeof value === 'string') {
    const close = closestName(value, choices);
    return {
      path,
      message: `${nameOf(path)} cannot be ${show(value)}.`,
      remedy: close === undefined ? `Use ${list(choices, 'or')}.` : `Did you mean "${close}"?`,
      fixes: (close === undefined ? choices : [close]).map((choice) => setValue(path, choice)),
    };
  }
  return {
    path,
    message: `${nameOf(path)} must be ${expectation(forms)}, not ${show(value)}.`,
    remedy: advise(path, root, expectation(forms)),
    fixes: exampleFixes(path, root),
  };
}

/** A required key is missing; a discriminator (`source`, `from`) too. */
function missing(path: Path, root: unknown): Objection {
  const key = path.at(-1)!;
  const owner = path.length > 1 ? ` in ${nameOf(path.slice(0, -1))}` : '';
  const forms = formsAt(path, root);
  const value = exampleOf(forms);
  const remedy = value === undefined ? `Add it: ${expectation(forms)}.` : `Add it, for example "${key}": ${value}.`;
  return { path, message: `"${key}" is missing${owner}.`, remedy, fixes: exampleFixes(path, root) };
}

function advise(path: Path, root: unknown, otherwise: string): string {
  const value = exampleOf(formsAt(path, root));
  return value === undefined ? `Write ${otherwise}.` : `Write ${value}, for example.`;
}

/** A value to copy, from the schema's examples or default. */
function exampleOf(forms: readonly JsonSchema[]): string | undefined {
  const [value] = exampleValues(forms);
  return value === undefined ? undefined : inline(value);
}

function exampleValues(forms: readonly JsonSchema[]): unknown[] {
  return forms.flatMap((form) => form.examples ?? (form.default === undefined ? [] : [form.default]));
}

function exampleFixes(path: Path, root: unknown): Fix[] {
  return exampleValues(formsAt(path, root))
    .slice(0, 1)
    .map((value) => setValue(path, value));
}

function choicesOf(forms: readonly JsonSchema[]): unknown[] {
  return forms.flatMap((form) => form.enum ?? (form.const === undefined ? [] : [form.const]));
}

function expectation(forms: readonly JsonSchema[]): string {
  const choices = choicesOf(forms);
  if (choices.length > 0) return list(choices, 'or');
  return [...new Set(forms.map(kindOf))].join(' or ');
}

function kindOf(form: JsonSchema): string {
  const required = form.required ?? [];
  if (form.type === 'object' && required.length > 0) return `an object with ${list(required)}`;
  return typeNames[form.type ?? ''] ?? 'another value';
}

const typeNames: Record<string, string> = {
  number: 'a number',
  integer: 'a whole number',
  string: 'a text in quotes',
  boolean: 'true or false',
  object: 'an object { … }',
  array: 'a list [ … ]',
};

/** How a person would call the place: "maxLength", or an entry of "layers". */
function nameOf(path: Path): string {
  const key = path.findLast((part) => typeof part === 'string');
  if (key === undefined) return 'The experiment';
  return typeof path.at(-1) === 'number' ? `An entry of "${key}"` : `"${key}"`;
}

function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'an object';
  const text = typeof value === 'number' ? String(value) : JSON.stringify(value);
  return text.length > 40 ? `${text.slice(0, 38)}…"` : text;
}

function list(values: readonly unknown[], word = 'and'): string {
  const shown = values.map((value) => JSON.stringify(value));
  return shown.length < 2 ? shown.join('') : `${shown.slice(0, -1).join(', ')} ${word} ${shown.at(-1)!}`;
}
