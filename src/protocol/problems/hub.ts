/** @file Why a model could not be fetched from a Hugging Face hub, or is not found where it was fetched to. */

import type { Entry } from './templates';

export const hubProblems = {
  'model-not-fetched': {
    message: 'There is no such folder, and no such model in your Hugging Face cache, {cache}.',
    remedy: 'Correct it, or fetch the model with {fetch:quoted}.',
    actions: { fetch: '{id}' },
  },
  'model-not-installed': {
    message: '{title} is not installed, and there is no folder of this name.',
    remedy: 'Install it with {fetch:quoted}.',
    actions: { fetch: '{name}' },
  },
  'hub-link-leads-out': {
    message: 'This link leads out of its folder in the Hugging Face cache.',
    remedy: 'Remove the model from the cache and fetch it again.',
  },
  'hub-offline': {
    message: 'Nothing is fetched while the environment variable {variable} is set.',
    remedy: 'Take it away, or copy the model into {cache} from where it was fetched.',
  },
  'hub-address-wrong': {
    message: 'The environment variable HF_ENDPOINT is {value:json}, which is no address of a hub.',
    remedy: 'Set it to one like "https://huggingface.co", or take it away.',
  },
  'hub-unreachable': {
    message: '{host} cannot be reached ({reason}).',
    remedy: 'Check the network, or name a mirror in the environment variable HF_ENDPOINT.',
  },
  'hub-model-unknown': {
    message: '{host} has no model {id}, or does not show it to everybody.',
    remedy: 'Correct its name; if it is private, {token} and try again.',
    actions: { token: '{id}' },
  },
  'hub-revision-unknown': {
    message: '{id} has no revision {revision} on {host}.',
    remedy: 'Name a branch, a tag, or a commit of 40 hexadecimal digits.',
  },
  'hub-token-wanted': {
    message: '{host} gives {id} only to who has an access token.',
    remedy: 'Ask for access on its page there if it has conditions, {token} and try again.',
    actions: { token: '{id}' },
  },
  'hub-token-refused': {
    message: '{host} does not take the access token.',
    remedy: 'Make a new one there, {token} and try again.',
    actions: { token: '{id}' },
  },
  'hub-access-refused': {
    message: '{host} does not give {id} to who has this access token.',
    remedy: 'Ask for access on its page there; for another account, {token} and try again.',
    actions: { token: '{id}' },
  },
  'hub-refused': {
    message: '{host} answers with the status {status}.',
    remedy: 'Try again later: what has come is kept.',
    actions: { fetch: '{id}' },
  },
  'hub-answer-unknown': {
    message: '{host} does not answer as a Hugging Face hub does ({reason}).',
    remedy: 'Check the environment variable HF_ENDPOINT, and whether a proxy answers in its place.',
  },
  'hub-without-config': {
    message: '{id} has no config.json.',
    remedy: 'Choose a model for Python transformers, or one in GGUF.',
  },
  'hub-without-file': {
    message: '{id} has no file {file}, but {files:names}.',
    remedy: 'Name one that it has, for example with {fetch:quoted}.',
    actions: { fetch: '{example}' },
  },
  'hub-without-gguf': {
    message: '{id} has no GGUF file that holds all of a model.',
    remedy: 'Correct its name, or choose another model.',
  },
  'hub-several-gguf': {
    message: '{id} has more than one GGUF file: {files:names}.',
    remedy: 'Name the one that you want, for example with {fetch:quoted}.',
    actions: { fetch: '{example}' },
  },
  'hub-gguf-in-parts': {
    message: '{file} is one of several parts of a model, which are not read.',
    remedy: 'Choose a file that holds all of it.',
  },
  'hub-without-safetensors': {
    message: ['{id} has its weights only as {files:names}.', '{id} has no weights.'],
    remedy: 'Choose one with model.safetensors: save_pretrained of Python transformers writes it.',
  },
  'hub-cut-off': {
    message: 'The connection to {host} broke off: {bytes:bytes} of the {of:bytes} of {file} have come.',
    remedy: 'Fetch it again: what has come is kept.',
    actions: { fetch: '{id}' },
  },
  'hub-wrong-checksum': {
    message: '{file} is not what {host} says that it is: its checksum differs. It was thrown away.',
    remedy: 'Fetch it again; if that does not help, ask whoever runs {host}.',
    actions: { fetch: '{id}' },
  },
  'hub-disk-too-small': {
    message: '{id} needs {needed:bytes} more, and the disk of {folder} has {available:bytes} left.',
    remedy: 'Make room there, or name a folder on another disk in the environment variable HF_HUB_CACHE.',
  },
  'hub-in-progress': {
    message: 'Process {pid} is fetching this model.',
    remedy: 'Wait until it has ended.',
  },
  'hub-held-elsewhere': {
    message:
      'Process {pid} on {host} is fetching this model; it cannot be seen from here, since it is in another container or on another machine, or has ended there.',
    remedy: 'Wait until it has ended, and remove {file} if it is still there.',
  },
  'hub-cancelled': {
    message: 'The model was not fetched: that was cancelled.',
    remedy: 'Fetch it again to go on: what has come is kept.',
    actions: { fetch: '{id}' },
  },
} as const satisfies Record<string, Entry>;
