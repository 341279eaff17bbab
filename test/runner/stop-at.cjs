/**
 * @file Loaded before the program: it stops itself, as by Ctrl+Z, when it has written so many records of a model's steps. Whatever is
 * done to it then meets it there, however slow the machine is. `DISTILLERY_STOP_AT` names the model's part of the run directory and
 * the number, or several: `teacher 4`, `. 17`, `. 12,16`. `answers 3`: when so many blocks of a teacher's answers are kept;
 * `said unpacking`: when it has said that on standard error. `DISTILLERY_TELL`: in place of stopping it collects its garbage, writes to that file how many
 * bytes its arrays have, and ends.
 */

const fs = require('node:fs');
const path = require('node:path');

const [part, count] = process.env.DISTILLERY_STOP_AT.split(' ');
const counts = count.split(',').map(Number);
const ending = path.join('.distillery', 'runs', 'RUN', part, 'metrics.jsonl').split('RUN');
const tell = process.env.DISTILLERY_TELL;
let metrics;
let written = 0;

const { openSync, writeSync, writeFileSync } = fs;

function reached() {
  if (!tell) {
    process.kill(process.pid, 'SIGSTOP');
    return;
  }
  // When what goes on at that moment has ended.
  setTimeout(() => {
    require('node:v8').setFlagsFromString('--expose-gc');
    const collect = require('node:vm').runInNewContext('gc');
    collect();
    collect();
    writeFileSync(tell, String(process.memoryUsage().arrayBuffers));
    process.exit(0);
  });
}

fs.openSync = (file, flags, ...rest) => {
  const descriptor = openSync(file, flags, ...rest);
  const [folder, name] = ending;
  const begin = String(file).indexOf(folder);
  // Not where it is read meanwhile.
  if (
    flags === 'a' &&
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
  if (descriptor === metrics && counts.includes(++written)) reached();
  return bytes;
};

if (part === 'said') {
  const { write } = process.stderr;
  process.stderr.write = (text, ...rest) => {
    const isWritten = write.call(process.stderr, text, ...rest);
    if (String(text).includes(count) && ++written === 1) process.kill(process.pid, 'SIGSTOP');
    return isWritten;
  };
}

const { appendFile } = fs.promises;

fs.promises.appendFile = async (file, data, ...rest) => {
  await appendFile(file, data, ...rest);
  const isBlock = part === 'answers' && path.basename(String(file)) === 'filled.log' && data.length > 0;
  if (isBlock && counts.includes(++written)) process.kill(process.pid, 'SIGSTOP');
};
