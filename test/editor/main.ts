/**
 * @file Runs the suite in an editor: desktop VS Code where DISTILLERY_VSCODE names its program (or is `download`, then
 * DISTILLERY_VSCODE_VERSION may say which), else the stand-in. Takes the path for the counts. Believes only the result that the suite itself wrote.
 */

import { runTests } from '@vscode/test-electron';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ensureEditor } from '../harness/setup';
import type { SuiteResult } from './suite';

const root = path.join(__dirname, '../../..');

function executable(): string | undefined {
  const desktop = process.env.DISTILLERY_VSCODE;
  if (desktop) return desktop === 'download' ? undefined : desktop;
  ensureEditor(root);
  return path.join(root, 'dist/test/harness/launcher.js');
}

async function main(): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'distillery-editor-'));
  const resultFile = path.join(folder, 'result.json');
  const vscodeExecutablePath = executable();
  const version = process.env.DISTILLERY_VSCODE_VERSION;
  try {
    await runTests({
      ...(vscodeExecutablePath ? { vscodeExecutablePath } : {}),
      ...(version ? { version } : {}),
      extensionDevelopmentPath: root,
      extensionTestsPath: path.join(root, 'dist/test/editor/suite.js'),
      extensionTestsEnv: { DISTILLERY_TEST_RESULT: resultFile },
      launchArgs: [mkdtempSync(path.join(folder, 'workspace-')), '--disable-extensions'],
    }).catch((error: unknown) => console.error(error instanceof Error ? error.message : error));
    if (!existsSync(resultFile)) throw new Error('The editor ended before the suite did: it wrote no result.');
    const { report, ...counts } = JSON.parse(readFileSync(resultFile, 'utf8')) as SuiteResult;
    console.log(report);
    writeFileSync(process.argv[2]!, JSON.stringify(counts));
    if (counts.failed > 0 || counts.passed === 0) process.exitCode = 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
