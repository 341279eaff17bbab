/**
 * @file How long the extension's own code takes before the editor has its answer: reading and running the bundle, and
 * `activate`, with an editor that does nothing. `node bench/activation.mjs [REPEATS]`, each in a process of its own.
 */

import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import path from 'node:path';

const repeats = Number(process.argv[2] ?? 15);
const bundle = path.resolve('dist/extension.js');

/** Stands for everything of the editor: can be called, built, asked and extended, and gives itself. */
const script = `
const Module = require('node:module');
const load = Module._load;
const callable = new Proxy(function () {}, { get: (_, key) => key === Symbol.toPrimitive ? () => '' : key === Symbol.iterator ? function* () {} : key === 'prototype' ? {} : key === 'then' ? undefined : callable, apply: () => callable, construct: () => callable });
Module._load = (name, ...rest) => (name === 'vscode' ? callable : load(name, ...rest));
const cpu = process.cpuUsage();
const started = performance.now();
const { activate } = require(${JSON.stringify(bundle)});
const loaded = performance.now();
activate({ extensionUri: callable, logUri: callable, subscriptions: [], workspaceState: callable });
const ended = performance.now();
const { user, system } = process.cpuUsage(cpu);
console.log(JSON.stringify({ load: loaded - started, activate: ended - loaded, processor: (user + system) / 1000 }));
process.exit();
`;

const times = Array.from({ length: repeats }, () => JSON.parse(execFileSync(process.execPath, ['-e', script])));
const median = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
const of = (key) => median(times.map((time) => time[key])).toFixed(1);
const { size } = statSync(bundle);
console.log(
  `load ${of('load')} ms, activate ${of('activate')} ms, processor ${of('processor')} ms (medians of ${repeats}); ${size} bytes`,
);
