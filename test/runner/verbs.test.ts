/**
 * @file Each verb of the command line is started as the program that people have by some test, since many command lines are carried out in the tests' own
 * process. The tests' sources are asked: what was started is known of a whole suite alone.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { program } from '../../src/runner/command-line/command-line';

/** A list that begins with a verb, after an option of no value. */
const LINE = String.raw`\[\s*(?:'--[a-z-]+',\s*)?'([a-z-]+)'`;

/**
 * The verbs of the command lines that a file of tests starts: by program.ts, written out or by their name there, by the program's path, and by the editor's
 * part; and those that it sees a program start, by Node's own account of each process.
 */
function startedIn(source: string): (string | undefined)[] {
  const imported = /import \{([^}]*)\} from '[./]*\/program'/.exec(source)?.[1] ?? '';
  const starts = imported.match(/\b(?:distillery|document|start)\b/g) ?? [];
  const named = new Map<string | undefined, string>();
  for (const [, name, verb] of source.matchAll(new RegExp(String.raw`const (\w+)(?:: [^=\n]+)? = ${LINE}`, 'g')))
    named.set(name, verb!);
  const call = new RegExp(String.raw`\b(?:${starts.join('|')})(?:<[^()]*>)?\(\s*(?:${LINE}|(?:\[\.\.\.)?(\w+))`, 'g');
  const calls = starts.length > 0 ? [...source.matchAll(call)] : [];
  return [
    ...calls.map(([, verb, name]) => verb ?? named.get(name)),
    ...[...source.matchAll(/\brunnerFile, '([a-z-]+)'/g)].map(([, verb]) => verb),
    ...[...source.matchAll(/\bstderr\.match\(\/'([a-z-]+)'\/g\)/g)].map(([, verb]) => verb),
    ...(source.includes('new ModelServer(') ? ['serve'] : []),
  ];
}

it('each verb is started as a program by a test of its suite', () => {
  const files = readdirSync('test', { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.test.ts') && !/^(?:editor|webview|harness)\b/.test(file),
  );
  const started = new Set(files.flatMap((file) => startedIn(readFileSync(`test/${file}`, 'utf8'))));
  const verbs = program('examples').commands.map((command) => command.name());
  expect(verbs.length).toBeGreaterThan(10);
  expect(verbs.filter((verb) => !started.has(verb))).toEqual([]);
});
