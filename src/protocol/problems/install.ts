/** @file Why a native library, or a model, could not be installed or removed, and what works without it. */

import type { Entry } from './templates';

/** What works without a library is said of one, by the phrase `cpu-meanwhile`. */
const orAlone = <const T extends string>(remedy: T): readonly [`${T} {meanwhile}`, T] => [
  `${remedy} {meanwhile}`,
  remedy,
];

export const installProblems = {
  'install-wrong-platform': {
    message: '{title} cannot be installed on {platform}, only on {platforms:names}.',
    remedy: orAlone('Use another engine.'),
  },
  'install-no-python': {
    message: 'There is no Python on this machine, whose pip would fetch it.',
    remedy: orAlone('Install Python 3 with pip, or {wheel}.'),
    actions: { wheel: '{library}' },
  },
  'install-no-pip': {
    message: '{python} is there, but without pip, which would fetch it.',
    remedy: orAlone('Install pip ("{command} -m ensurepip", or your system\'s package python3-pip), or {wheel}.'),
    actions: { wheel: '{library}' },
  },
  'install-no-network': {
    message: 'pip cannot reach its package index to fetch {name}.',
    remedy: orAlone('Check the network, pip\'s proxy and index settings ("pip config list"), or {wheel}.'),
    actions: { wheel: '{library}' },
  },
  'install-not-offered': {
    message: "pip's package index has no {name} of the version and platform that is needed.",
    remedy: orAlone('Check its index settings ("pip config list"), ask whoever runs your package mirror, or {wheel}.'),
    actions: { wheel: '{library}' },
  },
  'install-wrong-hash': {
    message: '{file} was not downloaded as published.',
    remedy: orAlone('Install again.'),
    actions: { install: '{library}' },
  },
  'install-other-package-offered': {
    message: 'The {name} that was offered is not the published one: its SHA-256 differs. Nothing was installed.',
    remedy: orAlone('Ask whoever runs your package mirror, or {wheel}.'),
    actions: { wheel: '{library}' },
  },
  'install-disk-full': {
    message: 'The disk of {folder} is full.',
    remedy: orAlone('Make room there and install again.'),
  },
  'install-disk-too-small': {
    message: '{title} needs {needed:bytes} while it is installed, and the disk of {folder} has {available:bytes} left.',
    remedy: orAlone(
      'Make room there, or name a folder on another disk in the environment variable DISTILLERY_LIBRARIES.',
    ),
  },
  'install-file-in-use': {
    message: 'A file in {folder} is in use.',
    remedy: orAlone('End the runs that use it, then try again.'),
  },
  'install-in-progress': {
    message: 'Process {pid} is installing or removing it.',
    remedy: orAlone('Wait until it has ended.'),
  },
  'install-held-elsewhere': {
    message:
      'Process {pid} on {host} is installing or removing it; that process cannot be seen from here, since it is in another container or on another machine, or has ended there.',
    remedy: orAlone('Wait until it has ended, and remove {file} if it is still there.'),
  },
  'install-not-writable': {
    message: '{folder} cannot be written ({reason}).',
    remedy: orAlone('Make it writable, or name another folder in the environment variable DISTILLERY_LIBRARIES.'),
  },
  'install-not-a-wheel': {
    message: '{file} is not a wheel (or cannot be read).',
    remedy: orAlone('Choose a file that ends in .whl.'),
  },
  'install-wheel-damaged': {
    message: '{file} is not a wheel, or is damaged.',
    remedy: orAlone('Choose the wheel as it was downloaded.'),
  },
  'install-wheel-unsafe': {
    message: 'The wheel holds a file named {file}.',
    remedy: orAlone('Choose the wheel as it was published.'),
  },
  'install-wheel-altered': {
    message: '{file} is damaged, or not the published one: its SHA-256 differs.',
    remedy: orAlone('Choose {wanted:names}.'),
  },
  'install-wrong-wheel': {
    message: [
      '{file} is {package} {packageVersion} ({python}, {wheelPlatform}), not a wheel of {title} {version} for this platform.',
      '{file} is another file, not a wheel of {title} {version} for this platform.',
    ],
    remedy: orAlone('Choose {wanted:names}.'),
  },
  'install-cancelled': {
    message: 'The installation was cancelled.',
    remedy: orAlone('Install again to go on.'),
    actions: { install: '{library}' },
  },
  'install-pip-failed': {
    message: 'pip could not fetch {name}: {reason}',
    remedy: orAlone('The log has all that pip said.'),
  },
} as const satisfies Record<string, Entry>;
