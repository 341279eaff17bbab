/** @file Turns what the schema objects to into a complaint in the terms of the experiment file, with what would mend it. */

import type { z } from 'zod';
import { complaint, type Complaint, type Fix } from '../../protocol/problem';
import { phrase } from '../../protocol/problems/phrases';
import type { Argument, Phrase } from '../../protocol/problems/templates';
import { removeKey, renameKey, setValue } from './fixes';
import type { JsonSchema } from './schema';
import { formsAt, homesOf, valueAt, type Home } from './schema-tree';
import type { Path } from './source';
import { closestName } from './suggest';

export interface Objection {
  path: Path;
  /** Whether the key at `path` is at fault, not its value. */
  key?: boolean;
  complaint: Complaint;
  fixes?: Fix[];
  /** The known key, or where `key` is not set the value, that was probably meant by the one at `path`. */
  meant?: string | undefined;
}

type Issue = z.core.$ZodIssue;

/** What to tell about an issue of the schema, `most` things at most. `root` is the whole experiment, as written. */
export function describeIssue(issue: Issue, root: unknown, most: number): Objection[] {
  const path = issue.path as Path;
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.slice(0, most).map((key) => unknownKey(path, key, root));
    case 'invalid_union':
      return describeUnion(issue, path, root, most);
    case 'too_small':
    case 'too_big':
      return [outOfRange(issue, path, root)];
    default:
      return [wrongValue(path, root)];
  }
}

function unknownKey(path: Path, key: string, root: unknown): Objection {
  const forms = formsAt(path, root);
  const known = [...new Set(forms.flatMap((form) => Object.keys(form.properties ?? {})))];
  const at = { path: [...path, key], key: true };
  const homes = homesOf(key);
  const here = path.filter((part) => typeof part === 'string').join('.');
  const alternative = homes.find((home) => home.choice !== undefined && home.path.join('.') === here);
  if (alternative !== undefined) return misplacedByChoice(at, key, alternative, path, root);
  const close = closestName(key, known);
  const what = {
    key,
    owner: path.length === 0 ? undefined : here,
    known: known.filter((name) => name !== '$schema'),
  };
  if (close !== undefined) {
    const fixes = [renameKey(at.path, close), removeKey(at.path)];
    return { ...at, complaint: complaint('key-unknown', { ...what, close }), fixes, meant: close };
  }
  const home = homes.find((candidate) => candidate.path.join('.').startsWith(here)) ?? homes[0];
  const fixes = [removeKey(at.path)];
  return { ...at, complaint: complaint('key-unknown', { ...what, home: home && placeName(home) }), fixes };
}

function misplacedByChoice(
  at: { path: Path; key: boolean },
  key: string,
  home: Home,
  path: Path,
  root: unknown,
): Objection {
  const [chooser, wanted] = home.choice!;
  const chosen = shown(valueAt(root, [...path, chooser]));
  return {
    ...at,
    complaint: complaint('key-without-meaning', { key, chooser, chosen, wanted }),
    fixes: [removeKey(at.path)],
  };
}

function placeName(home: Home): Phrase {
  return home.path.length === 0 ? phrase('at-the-top') : phrase('inside', { owner: home.path.join('.') });
}

function describeUnion(
  issue: Extract<Issue, { code: 'invalid_union' }>,
  path: Path,
  root: unknown,
  most: number,
): Objection[] {
  // The alternative of the right type is what was meant; its issues say what is wrong with it.
  const meant = issue.errors.find(
    (issues) => !issues.some(({ code, path: [first] }) => code === 'invalid_type' && first === undefined),
  );
  if (meant === undefined) return [wrongValue(path, root)];
  const objections = meant
    .slice(0, most)
    .flatMap((inner) => describeIssue({ ...inner, path: [...path, ...inner.path] }, root, most));
  return objections.slice(0, most);
}

type RangeIssue = Extract<Issue, { code: 'too_small' | 'too_big' }>;

function outOfRange(issue: RangeIssue, path: Path, root: unknown): Objection {
  const value = valueAt(root, path);
  const subject = nameOf(path);
  const example = exampleOf(path, root);
  const fixes = exampleFixes(path, root);
  if (typeof value === 'number') {
    return {
      path,
      complaint: complaint('value-out-of-range', { subject, bound: boundOf(issue), value, example }),
      fixes,
    };
  }
  if (issue.code === 'too_small' && (value === '' || (Array.isArray(value) && value.length === 0))) {
    return { path, complaint: complaint('value-empty', { subject, example }), fixes };
  }
  return {
    path,
    complaint: complaint('value-wrong-size', { subject, size: sizeOf(issue, typeof value === 'string'), example }),
  };
}

function boundOf(issue: RangeIssue): Phrase {
  if (issue.code === 'too_small') {
    return phrase(issue.inclusive === true ? 'at-least' : 'greater-than', { limit: Number(issue.minimum) });
  }
  return phrase(issue.inclusive === true ? 'at-most' : 'less-than', { limit: Number(issue.maximum) });
}

function sizeOf(issue: RangeIssue, ofText: boolean): Phrase {
  if (issue.code === 'too_small') {
    return phrase(ofText ? 'at-least-characters' : 'at-least-entries', { limit: Number(issue.minimum) });
  }
  return phrase(ofText ? 'at-most-characters' : 'at-most-entries', { limit: Number(issue.maximum) });
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
      complaint: complaint('value-not-offered', { subject: nameOf(path), value: shown(value), close, choices }),
      fixes: (close === undefined ? choices : [close]).map((choice) => setValue(path, choice)),
      meant: close,
    };
  }
  return {
    path,
    complaint: complaint('value-wrong', {
      subject: nameOf(path),
      expected: expectation(forms),
      value: shown(value),
      example: exampleOf(path, root),
    }),
    fixes: exampleFixes(path, root),
  };
}

/** A required key is missing; a discriminator (`source`, `from`) too. */
function missing(path: Path, root: unknown): Objection {
  return {
    path,
    complaint: complaint('key-missing', {
      key: String(path.at(-1)),
      owner: path.length > 1 ? nameOf(path.slice(0, -1)) : undefined,
      expected: expectation(formsAt(path, root)),
      example: exampleOf(path, root),
    }),
    fixes: exampleFixes(path, root),
  };
}

/** A value to copy, from the schema's examples or default. */
function exampleOf(path: Path, root: unknown): Argument | undefined {
  return exampleValues(formsAt(path, root))[0] as Argument | undefined;
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

/** What may stand there: one of some values, or values of some kinds. */
function expectation(forms: readonly JsonSchema[]): Phrase[] {
  const choices = choicesOf(forms) as Argument[];
  if (choices.length > 0) return [phrase('one-of', { choices })];
  const kinds = new Map(forms.map(kindOf).map((kind) => [JSON.stringify(kind), kind]));
  return [...kinds.values()];
}

function kindOf(form: JsonSchema): Phrase {
  const required = form.required ?? [];
  if (form.type === 'object' && required.length > 0) return phrase('object-with', { keys: required });
  switch (form.type) {
    case 'number':
    case 'integer':
    case 'string':
    case 'boolean':
    case 'object':
    case 'array':
      return phrase(form.type);
    default:
      return phrase('other');
  }
}

/** How a person would call the place: "maxLength", or an entry of "layers". */
function nameOf(path: Path): Phrase {
  const key = path.findLast((part) => typeof part === 'string');
  if (key === undefined) return phrase('the-experiment');
  return typeof path.at(-1) === 'number' ? phrase('entry-of', { key }) : phrase('key', { key });
}

/** A value as an argument: of a list or an object, only that it is one. */
function shown(value: unknown): Argument {
  if (value === undefined) return phrase('nothing');
  if (Array.isArray(value)) return [];
  return typeof value === 'object' && value !== null ? {} : (value as Argument);
}
