/**
 * @file Loaded before the program: takes what V8 has compiled of it once for all tests, since a start spends half of its time on that. Node's version and
 * V8's flags are in the file's name, with the program's size and time: what was compiled of another one is never taken, and a copy that keeps the time is
 * the same one. Where there is none for these flags the program starts as it does for a person. `DISTILLERY_COMPILED`: `leave`, this start leaves one, of
 * all the functions that it has used; `take`, it fails where there is none that V8 accepts.
 */

const fs = require('node:fs');
const path = require('node:path');
const Module = require('node:module');
const vm = require('node:vm');

const folder = path.resolve(__dirname, '..', '..', 'dist', 'test', 'compiled');
const read = Module._extensions['.js'];

Module._extensions['.js'] = function (module, filename) {
  if (path.basename(filename) !== 'runner.js') return read(module, filename);
  const { size, mtimeMs } = fs.statSync(filename);
  // This file may be named by an argument or in NODE_OPTIONS.
  const flags = process.execArgv.filter((argument) => /^--(?!require$)[a-z-]+(=\d+)?$/.test(argument)).join('');
  const file = path.join(folder, [size, Math.round(mtimeMs), process.version, flags].join('_'));
  const wanted = process.env.DISTILLERY_COMPILED;
  let cachedData;
  try {
    cachedData = fs.readFileSync(file);
  } catch (error) {
    if (wanted === 'take') throw error;
    if (wanted !== 'leave') return read(module, filename);
  }
  // It is ASCII, by a test.
  const content = fs.readFileSync(filename, 'latin1');
  const script = new vm.Script(Module.wrap(content.slice(content.indexOf('\n'))), { filename, cachedData });
  if (wanted === 'take' && script.cachedDataRejected) throw new Error(`V8 rejects ${file}`);
  if (!cachedData)
    process.once('exit', () => {
      fs.mkdirSync(folder, { recursive: true });
      fs.writeFileSync(file, script.createCachedData());
    });
  const require = Module.createRequire(filename);
  const { exports } = module;
  return script.runInThisContext().call(exports, exports, require, module, filename, path.dirname(filename));
};
