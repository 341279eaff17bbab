/** @file What a terminal says by command lines, the editor says by what is clicked, from the same data. */

import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { l10n } from 'vscode';
import { buttonsOf } from '../../src/extension/base/problem-actions';
import { errorInEditorWords, fixInEditorWords, inEditorWords, inOneLine } from '../../src/extension/base/problem-words';
import { complaint, fixOf, type Complaint } from '../../src/protocol/problem';
import { catalogue } from '../../src/protocol/problems/catalogue';
import { phrase } from '../../src/protocol/problems/phrases';
import type { Action, Argument, Entry } from '../../src/protocol/problems/templates';
import { actionsOf } from '../../src/protocol/problems/words';

/** Only a person at a terminal is told these. */
const forTerminals = ['cache-missing', 'nothing-to-inspect', 'target-without-tokenizer', 'run-host-unknown'];
const typed = /\bdistillery [a-z]+|\swith --[a-z]|\bgive [^.]*--[a-z]/;

/** A problem of each code, with something for each of its arguments. */
function examples(): [code: string, told: Complaint][] {
  return Object.entries<Entry>(catalogue).map(([code, entry]) => {
    const texts = [entry.message, entry.remedy ?? '', ...Object.values(entry.actions ?? {})].flat();
    const names = texts.flatMap((text) => [...(text ?? '').matchAll(/\{([a-z]\w*)/gi)].map(([, name]) => name!));
    const args: Record<string, Argument> = Object.fromEntries(names.map((name) => [name, 7]));
    return [code, { code, arguments: args, actions: actionsOf(entry, args), message: '', remedy: '' }];
  });
}

describe('a problem in the editor', () => {
  it('names nothing that is typed into a terminal, whatever it is', () => {
    const all = examples().filter(([code]) => !forTerminals.includes(code));
    assert(all.length > 150);
    for (const [code, told] of all) {
      const words = inOneLine(inEditorWords(told));
      assert(words.length > 0, code);
      assert(!typed.test(words), `${code}: ${words}`);
    }
  });

  it('says what to click', () => {
    const missing = complaint('library-not-installed', { title: 'OpenVINO', library: 'openvino' });
    assert.equal(
      inOneLine(inEditorWords(missing)),
      'OpenVINO is not installed. Install it: "Install OpenVINO" in the Devices view',
    );
    assert.equal(
      inEditorWords(complaint('run-died', { run: '2026-01-02T03-04-05Z_spam' })).remedy,
      'Resume it from its last checkpoint with "Resume Run".',
    );
    const remedy = 'Install Python 3 with pip, or choose a wheel that you have by "Choose a Wheel…".';
    assert(inEditorWords(complaint('install-no-python', { library: 'openvino' })).remedy?.startsWith(remedy));
    assert.equal(fixInEditorWords(fixOf(phrase('remove-key', { key: 'a' }), ['a'], { remove: true })), 'Remove "a"');
  });

  it('offers it as a button', () => {
    const titles = (actions: Action[]): string[] => buttonsOf(actions).map(({ title }) => title);
    assert.deepEqual(titles(complaint('library-not-installed', { title: 'OpenVINO', library: 'openvino' }).actions), [
      'Install OpenVINO',
    ]);
    assert.deepEqual(titles(complaint('run-died', { run: 'r' }).actions), ['Resume Run']);
    assert.deepEqual(titles([{ open: '/x/spam.distill.json' }, { open: 'spam.distill.json' }]), [
      'Open spam.distill.json',
    ]);
    assert.deepEqual(titles([{ wheel: 'openvino' }]), []);
  });

  it('of an earlier version is told in the words that its record has', () => {
    const told = { message: 'The loss is not a finite number at step 3.', remedy: 'Lower the learning rate.' };
    assert.deepEqual(inEditorWords(told), told);
    assert.deepEqual(inEditorWords({ ...complaint('prompt-empty', {}), ...told, code: 'of-a-later-version' }), told);
    assert.deepEqual(errorInEditorWords(new Error(l10n.t('There is nothing to inspect.'))), {
      message: 'There is nothing to inspect.',
    });
  });
});
