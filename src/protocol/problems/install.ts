/** @file Why a native library could not be installed or removed, and what works without it. */

import type { Entry } from './templates';

export const installProblems = {
  'install-wrong-platform': {
    message: '{title} cannot be installed on {platform}, only on {platforms:names}.',
    remedy: 'Use another engine. Until then, "engine": "cpu" works without it.',
  },
  'install-no-python': {
    message: 'There is no Python on this machine, whose pip fetches the library.',
    remedy: 'Install Python 3 with pip, or {wheel}. Until then, "engine": "cpu" works without it.',
    actions: { wheel: '{library}' },
  },
  'install-no-pip': {
    message: '{python} is there, but without pip, which fetches the library.',
    remedy:
      'Install pip ("{command} -m ensurepip", or your system\'s package python3-pip), or {wheel}. Until then, "engine": "cpu" works without it.',
    actions: { wheel: '{library}' },
  },
  'install-no-network': {
    message: 'pip cannot reach its package index to fetch {name}.',
    remedy:
      'Check the network, pip\'s proxy and index settings ("pip config list"), or {wheel}. Until then, "engine": "cpu" works without it.',
    actions: { wheel: '{library}' },
  },
  'install-not-offered': {
    message: "pip's package index has no {name} of the version and platform that is needed.",
    remedy:
      'Check its index settings ("pip config list"), ask whoever runs your package mirror, or {wheel}. Until then, "engine": "cpu" works without it.',
    actions: { wheel: '{library}' },
  },
  'install-wrong-hash': {
    message: '{file} was not downloaded as published.',
    remedy: 'Install again. Until then, "engine": "cpu" works without it.',
    actions: { install: '{library}' },
  },
  'install-other-package-offered': {
    message: 'The {name} that was offered is not the published one: its SHA-256 differs. Nothing was installed.',
    remedy: 'Ask whoever runs your package mirror, or {wheel}. Until then, "engine": "cpu" works without it.',
    actions: { wheel: '{library}' },
  },
  'install-disk-full': {
    message: 'The disk of {folder} is full.',
    remedy: 'Make room there and install again. Until then, "engine": "cpu" works without it.',
  },
  'install-disk-too-small': {
    message: '{title} needs {needed:bytes} while it is installed, and the disk of {folder} has {available:bytes} left.',
    remedy:
      'Make room there, or name a folder on another disk in the environment variable DISTILLERY_LIBRARIES. Until then, "engine": "cpu" works without it.',
  },
  'install-file-in-use': {
    message: 'A file in {folder} is in use.',
    remedy: 'End the runs that use the library, then try again. Until then, "engine": "cpu" works without it.',
  },
  'install-in-progress': {
    message: 'Process {pid} is changing this library.',
    remedy: 'Wait until it has ended. Until then, "engine": "cpu" works without it.',
  },
  'install-held-elsewhere': {
    message:
      'Process {pid} on {host} is changing this library; it cannot be seen from here, since it is in another container or on another machine, or has ended there.',
    remedy:
      'Wait until it has ended, and remove {file} if it is still there. Until then, "engine": "cpu" works without it.',
  },
  'install-not-writable': {
    message: '{folder} cannot be written ({reason}).',
    remedy:
      'Make it writable, or name another folder in the environment variable DISTILLERY_LIBRARIES. Until then, "engine": "cpu" works without it.',
  },
  'install-not-a-wheel': {
    message: '{file} is not a wheel (or cannot be read).',
    remedy: 'Choose a file that ends in .whl. Until then, "engine": "cpu" works without it.',
  },
  'install-wheel-damaged': {
    message: '{file} is not a wheel, or is damaged.',
    remedy: 'Choose the wheel as it was downloaded. Until then, "engine": "cpu" works without it.',
  },
  'install-wheel-unsafe': {
    message: 'The wheel holds a file named {file}.',
    remedy: 'Choose the wheel as it was published. Until then, "engine": "cpu" works without it.',
  },
  'install-wheel-altered': {
    message: '{file} is damaged, or not the published one: its SHA-256 differs.',
    remedy: 'Choose {wanted:names}. Until then, "engine": "cpu" works without it.',
  },
  'install-wrong-wheel': {
    message: [
      '{file} is {package} {packageVersion} ({python}, {wheelPlatform}), not a wheel of {title} {version} for this platform.',
      '{file} is another file, not a wheel of {title} {version} for this platform.',
    ],
    remedy: 'Choose {wanted:names}. Until then, "engine": "cpu" works without it.',
  },
  'install-cancelled': {
    message: 'The installation was cancelled.',
    remedy: 'Install again to go on. Until then, "engine": "cpu" works without it.',
    actions: { install: '{library}' },
  },
  'install-pip-failed': {
    message: 'pip could not fetch {name}: {reason}',
    remedy: 'The log has all that pip said. Until then, "engine": "cpu" works without it.',
  },
} as const satisfies Record<string, Entry>;
