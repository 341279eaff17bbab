/** @file What is wrong with a teacher behind a server: what it cannot show, and why a server did not answer. */

import type { Entry } from './templates';
import { withoutInside } from './without-inside';

export const endpointProblems = {
  ...withoutInside('endpoint', {
    message: (verb, what) => `A server shows its log-probabilities alone: there ${verb} no ${what}.`,
    instead: 'use a checkpoint of the model',
  }),
  'endpoint-without-blocks': {
    message: 'A server shows no blocks to start the student from.',
    remedy: 'Use "random" or "checkpoint".',
  },
  'endpoint-divergence': {
    message: '"{divergence}" compares all logits, and a server gives the most probable alone.',
    remedy: 'Choose a divergence of probabilities.',
  },
  'endpoint-task': {
    message: 'A completions server says nothing that the task "{task}" could be learnt from.',
    remedy: 'Use "causal-lm" or "text-classification", or a checkpoint as the teacher.',
  },
  'endpoint-labels': {
    message: 'A server is asked which of several classes a text has, and the labels here are "{labels}".',
    remedy: 'Use rows with one class each, or a checkpoint as the teacher.',
  },
  'endpoint-words-without-meaning': {
    message: '"{key}" has no meaning for {task}.',
    remedy: 'Remove it, or choose the task "text-classification".',
  },
  'endpoint-verbalizer-twice': {
    message: 'The words {word:json} stand for another label already.',
    remedy: 'Give each label words of its own.',
  },
  'endpoint-verbalizer-of-none': {
    message: 'No row has the label {label:json}; those of the rows are {labels:list}.',
    remedy: 'Correct it, or remove it.',
  },
  'endpoint-verbalizers-alike': {
    message:
      'The server gives log-probabilities of the first token of an answer alone, and {token:json} begins both {word:json} and {other:json}.',
    remedy: 'Give each label words that begin otherwise, with "verbalizers".',
  },
  'endpoint-without-tokenizer': {
    message: 'A server gives no tokenizer away.',
    remedy:
      'Write "tokenizer": {"source": "path", "path": …} with that of its model: a folder with its tokenizer.json, a GGUF file, or an id of Hugging Face.',
  },
  'endpoint-trained-tokenizer': {
    message:
      'The log-probabilities of a language model are those of its own tokens, not of a tokenizer that is trained.',
    remedy:
      'Write "tokenizer": {"source": "path", "path": …} with that of its model: a folder with its tokenizer.json, a GGUF file, or an id of Hugging Face.',
  },
  'endpoint-has-user': {
    message: 'Names and passwords do not belong into an address: files are shown and passed on.',
    remedy:
      'Take it away; a key stands in the environment variable DISTILLERY_API_KEYS, or in the secret storage of the editor.',
  },
  'teacher-of-run-is-endpoint': {
    message: 'The teacher of this run is a model behind a server, not a model of the run.',
    remedy: 'Name the server itself: "teacher": {"source": "endpoint", "url": …, "model": …}.',
  },
  'endpoint-without-sizes': {
    message: 'A server says nothing of its blocks and widths, from which students could be made.',
    remedy: 'Choose the sizes of "student.architecture" yourself.',
  },
  'endpoint-not-agreed': {
    message: 'Nobody has agreed to send texts to {host}.',
    remedy: 'Start the run anew from the editor, which asks, or on the command line.',
  },
  'endpoint-generates-only': {
    message:
      '{host} gives log-probabilities of what it writes alone, and the rows have no prompts that it could go on from.',
    remedy:
      'Name the columns "promptColumn" and "completionColumn" of the dataset, or use a server that gives log-probabilities of prompts, such as vLLM.',
  },
  'endpoint-unreachable': {
    message: '{host} cannot be reached ({reason}).',
    remedy: 'Start the server, or correct the "url"; what it has answered is kept, and the run can be resumed.',
  },
  'endpoint-late': {
    message: '{host} did not answer within {seconds} s.',
    remedy: 'Ask for less at once with "concurrency", or wait longer with "timeoutSeconds".',
  },
  'endpoint-busy': {
    message: '{host} answers {status} again and again: {message}',
    remedy: 'Resume the run later, or ask for less at once with "concurrency"; what it has answered is kept.',
  },
  'endpoint-without-json': {
    message: 'What {host} answers is no JSON.',
    remedy: 'Correct the "url": it ends before "/completions", often with "/v1".',
  },
  'endpoint-redirects': {
    message: '{host} sends to another address: {to}. Nothing is sent there.',
    remedy: 'If you trust it, write it as the "url".',
  },
  'endpoint-key-wanted': {
    message: '{host} answers only to who has a key.',
    remedy: 'To send one, {key} and try again.',
    actions: { key: '{address}' },
  },
  'endpoint-key-refused': {
    message: '{host} does not accept the key that was sent.',
    remedy: 'To send another, {key} and try again.',
    actions: { key: '{address}' },
  },
  'endpoint-model-unknown': {
    message: '{host} has no model "{model}", or is asked at another address: {message}',
    remedy: 'Correct "model", or "url", which ends before "/completions", often with "/v1".',
  },
  'endpoint-refused': {
    message: '{host} refuses the request with {status}: {message}',
    remedy: 'Correct what it names.',
  },
  'endpoint-refuses-logprobs': {
    message: 'No log-probabilities can be had there. {reason}',
    remedy:
      'Lower "topLogprobs" where it is too large, or use a server that takes token ids as prompts and gives "logprobs".',
  },
  'endpoint-without-logprobs': {
    message: '{host} answers without log-probabilities.',
    remedy: 'Use a server that gives "logprobs" of completions, such as vLLM or llama.cpp.',
  },
  'endpoint-other-tokens': {
    message: [
      'Token {id} is {theirs:json} at {host}, and {ours:json} in the tokenizer of the experiment.',
      '{host} does not say how probable token {id} is, {ours:json} in the tokenizer of the experiment.',
    ],
    remedy: 'Use the tokenizer of the model that is asked.',
  },
  'endpoint-unknown-token': {
    message: '{host} wrote {theirs:json}, which is no single token of the tokenizer of the experiment.',
    remedy: 'Use the tokenizer of the model that is asked.',
  },
  'endpoint-counts-others': {
    message: '{host} read {counted:count} tokens where {sent:count} were sent.',
    remedy: 'Use the tokenizer of the model that is asked, and a server that takes token ids as they are.',
  },
  'endpoint-not-understood': {
    message: '{host} gives {what}, which is not understood.',
    remedy: 'Use a server that answers as the OpenAI API does.',
  },
} as const satisfies Record<string, Entry>;
