/**
 * @file Loaded before the program: takes what V8 has compiled of it once for all tests, since a start spends half of its time on that. Version and flags
 * of V8 are in the file's name, with the program's size and time: what was compiled of another one is never taken, and a copy that keeps the time is the
 * same one. Where there is none for these flags the program starts as it does for a person. `DISTILLERY_COMPILES`: this start leaves one, of all the
 * functions that it has used.
 */

const fs = require('node:fs');
const path = require('node:path');
const Module = require('node:module');
const v8 = require('node:v8');
const vm = require('node:vm');

const folder = path.resolve(__dirname, '..', '..', 'dist', 'test', 'compiled');
const { _compile } = Module.prototype;

Module.prototype._compile = function (content, filename, ...rest) {
  if (path.basename(filename) !== 'runner.js') return _compile.call(this, content, filename, ...rest);
  const { size, mtimeMs } = fs.statSync(filename);
  const flags = v8.cachedDataVersionTag();
  const file = path.join(folder, `${size}-${Math.round(mtimeMs)}-${flags}`);
  let cachedData;
  try {
    cachedData = fs.readFileSync(file);
  } catch {
    if (!process.env.DISTILLERY_COMPILES) return _compile.call(this, content, filename, ...rest);
  }
  const script = new vm.Script(Module.wrap(content.replace(/^#!.*/, '')), { filename, cachedData });
  if (!cachedData)
    process.once('exit', () => {
      fs.mkdirSync(folder, { recursive: true });
      fs.writeFileSync(file, script.createCachedData());
    });
  const require = Module.createRequire(filename);
  return script.runInThisContext().call(this.exports, this.exports, require, this, filename, path.dirname(filename));
};
