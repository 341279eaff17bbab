/** @file The extension in a real extension host. */

import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { commands, extensions } from 'vscode';
import { commandIds } from '../../src/extension/base/command-ids';

describe('Distillery', () => {
  it('activates', async () => {
    const extension = extensions.getExtension('distillery.distillery');
    assert(extension);
    await extension.activate();
    assert(extension.isActive);
  });

  it('answers each of its commands', async () => {
    const known = new Set(await commands.getCommands());
    assert.deepEqual(
      commandIds.filter((id) => !known.has(id)),
      [],
    );
  });
});
