/** @file Parts of sentences that problems have in common, and the titles of what mends a file. */

import type { ArgumentsOf, Phrase, Template } from './templates';

export const phrases = {
  and: ' and ',
  or: ' or ',

  // Places in an experiment file.
  'the-experiment': 'The experiment',
  'entry-of': 'An entry of "{key}"',
  key: '"{key}"',
  'at-the-top': 'at the top of the file',
  inside: 'in "{owner}"',

  // What a value may be.
  'one-of': '{choices:or}',
  number: 'a number',
  integer: 'a whole number',
  string: 'a text in quotes',
  boolean: 'true or false',
  object: 'an object { … }',
  'object-with': 'an object with {keys:and}',
  array: 'a list [ … ]',
  other: 'another value',
  'at-least': 'at least {limit}',
  'greater-than': 'greater than {limit}',
  'at-most': 'at most {limit}',
  'less-than': 'less than {limit}',
  'at-least-characters': 'at least {limit} characters',
  'at-most-characters': 'at most {limit} characters',
  'at-least-entries': 'at least {limit} entries',
  'at-most-entries': 'at most {limit} entries',

  // What works without a library that could not be installed.
  'cpu-meanwhile': 'Until then, "engine": "cpu" works without it.',

  // What a value is.
  'a-list': 'a list',
  'an-object': 'an object',
  nothing: 'nothing',

  // What is asked of a setting of a model's config.json.
  'a-string': 'a string',
  'list-of-strings': 'a list of strings',
  'list-of-numbers': 'a list of numbers',
  'token-id': 'a token id',

  // What does not fit into a GPU.
  'a-tensor': 'A tensor [{shape:names}]',
  'value-of-program': '{value} of {program}',

  // Fixes.
  'set-key': 'Set "{key}" to {value:inline}',
  'rename-key': 'Rename "{key}" to "{name}"',
  'remove-key': 'Remove "{key}"',
  'keep-most-probable': 'Keep the {count} most probable tokens',
  'hold-out-tenth': 'Use 0.1 of the training rows as validation',
  'train-tokenizer': 'Train a tokenizer on the training rows',
  'use-teachers-tokenizer': "Use the teacher's tokenizer",
  'use-students-tokenizer': "Use the student's tokenizer",
  'keep-teachers-tokenizer': 'Let the teacher keep its own tokenizer: "vocabulary": "align"',
  'use-last-block': 'Use block {layer}, the last',
  'spread-blocks': 'Spread the blocks evenly: {layers:inline}',
} as const satisfies Record<string, Template>;

export type PhraseCode = keyof typeof phrases;

/** A phrase with its arguments, as an argument of a problem or the title of a fix. */
export function phrase<C extends PhraseCode>(
  code: C,
  ...[args]: ArgumentsOf<(typeof phrases)[C]> extends Record<string, never> ? [] : [ArgumentsOf<(typeof phrases)[C]>]
): Phrase {
  return { phrase: code, arguments: args ?? {} };
}
