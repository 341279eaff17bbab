/** @file The extension in a real extension host. */

import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import * as vscode from 'vscode';

describe('Distillery', () => {
  it('activates', async () => {
    const extension = vscode.extensions.getExtension('distillery.distillery');
    assert(extension);
    await extension.activate();
    assert(extension.isActive);
  });
});
