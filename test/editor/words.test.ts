/** @file What the runner says by command lines, the editor says by what is clicked. */

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'mocha';
import { inEditorWords } from '../../src/extension/base/editor-words';
import { root } from './tiny-run';

/** Only a person at a terminal reads these. */
const forTerminals = /runner\/(command-line|terminal)\.ts$|runner\/commands\/(cache|inspect|complete)\.ts$/;
const typed = /\bdistillery [a-z]+|\swith --[a-z]|\bgive [^.]*--[a-z]/;

/** Lines of the sources that name a command line in a message. */
function messages(): string[] {
  const files = readdirSync(path.join(root, 'src'), { recursive: true }) as string[];
  return files
    .filter((file) => file.endsWith('.ts') && !file.startsWith('extension') && !forTerminals.test(file))
    .flatMap((file) => readFileSync(path.join(root, 'src', file), 'utf8').split('\n'))
    .filter((line) => !/^\s*(\/\*|\*|\/\/)/.test(line) && typed.test(line));
}

describe('a message in the editor', () => {
  it('names nothing that is typed into a terminal', () => {
    const found = messages();
    assert(found.length > 10);
    const shown = found.map((line) => inEditorWords(line.replaceAll(/\$\{[^}]*\}/g, 'openvino')));
    assert.deepEqual(
      shown.filter((line) => typed.test(line)),
      [],
    );
  });

  it('says what to click', () => {
    assert.equal(
      inEditorWords('OpenVINO is not installed. Install it: distillery devices --install openvino'),
      'OpenVINO is not installed. Install it by "Install OpenVINO" in the Devices view',
    );
    assert.equal(
      inEditorWords('Resume it from its last checkpoint with "distillery resume 2026-01-02T03-04-05Z_spam".'),
      'Resume it from its last checkpoint with "Resume Run".',
    );
    assert.equal(
      inEditorWords('Install Python 3 with pip, or give the wheel with --file.'),
      'Install Python 3 with pip, or choose a wheel that you have by "Choose a Wheel…".',
    );
  });
});
