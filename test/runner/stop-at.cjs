/**
 * @file Loaded before the program: it stops itself, as by Ctrl+Z, when it has written so many records of a model's steps. Whatever is
 * done to it then meets it there, however slow the machine is. `DISTILLERY_STOP_AT` names the model's part of the run directory and
 * the number: `teacher 4`, `. 17`.
 */

const fs = require('node:fs');
const path = require('node:path');

const [part, count] = process.env.DISTILLERY_STOP_AT.split(' ');
const ending = path.join('.distillery', 'runs', 'RUN', part, 'metrics.jsonl').split('RUN');
let metrics;
let written = 0;

const { openSync, writeSync } = fs;

fs.openSync = (file, ...rest) => {
  const descriptor = openSync(file, ...rest);
  const [folder, name] = ending;
  const begin = String(file).indexOf(folder);
  if (
    begin >= 0 &&
    String(file)
      .slice(begin + folder.length)
      .replace(/^[^/\\]+/, '') === name
  )
    metrics = descriptor;
  return descriptor;
};

fs.writeSync = (descriptor, ...rest) => {
  const bytes = writeSync(descriptor, ...rest);
  if (descriptor === metrics && ++written === Number(count)) process.kill(process.pid, 'SIGSTOP');
  return bytes;
};
