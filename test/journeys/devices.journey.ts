/** @file The Devices view: what can compute here, in each theme, and an installation that cannot be. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { plain, themes, Workbench, type Theme } from './workbench';

describe('the Devices view', () => {
  let workspace = '';
  let workbench: Workbench | undefined;
  const environment = { ...process.env };

  beforeEach(() => {
    workspace = mkdtempSync(path.join(tmpdir(), 'journey-'));
    // Nothing is installed, and pip reaches nothing.
    process.env.DISTILLERY_LIBRARIES = path.join(workspace, '.libraries');
    Object.assign(process.env, { PIP_NO_INDEX: '1', PIP_FIND_LINKS: workspace });
  });
  afterEach(async ({ task }) => {
    await workbench?.close(task.result?.state === 'fail' ? task.name : undefined);
    workbench = undefined;
    process.env = { ...environment };
    rmSync(workspace, { recursive: true, force: true });
  });

  const open = async (theme: Theme): Promise<Workbench> => {
    workbench = await Workbench.open(workspace, { theme });
    await workbench.openSidebar();
    await workbench.rows.filter({ hasText: 'openvino' }).waitFor({ timeout: 120_000 });
    return workbench;
  };

  it.each(Object.keys(themes) as Theme[])('lists what can compute, %s', async (theme) => {
    const window = await open(theme);
    const cpu = window.rows.filter({ hasText: /^cpu/ });
    expect(plain(await cpu.textContent())).toMatch(/^cpu.*GB/);
    const missing = window.rows.filter({ hasText: 'openvino' });
    expect(plain(await missing.textContent())).toContain('not installed');
    await missing.hover();
    await missing.getByRole('button', { name: 'Install OpenVINO' }).waitFor();
    await window.picture(`devices-${theme}`);
  });

  it('says why a library cannot be installed, and offers to take a wheel', async () => {
    const window = await open('dark');
    const missing = window.rows.filter({ hasText: 'openvino' });
    await missing.hover();
    await missing.getByRole('button', { name: 'Install OpenVINO' }).click();
    const toast = window.notification.filter({ hasText: 'no openvino of the version' });
    await toast.waitFor({ timeout: 120_000 });
    expect(plain(await toast.textContent())).toContain('"engine": "cpu" works without it');
    await toast.getByRole('button', { name: 'Choose a Wheel…' }).waitFor();
    await window.picture('devices-not-installed');
  });
});
