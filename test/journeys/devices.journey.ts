/** @file The Devices view: what can compute here, in each theme, and an installation that cannot be. */

import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { devNull, tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { processesOf } from './processes';
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
    await workbench.rows('Devices').filter({ hasText: 'openvino' }).waitFor({ timeout: 120_000 });
    return workbench;
  };

  it.each(Object.keys(themes) as Theme[])('lists what can compute, %s', async (theme) => {
    const window = await open(theme);
    const cpu = window.rows('Devices').filter({ hasText: /^cpu/ });
    expect(plain(await cpu.textContent())).toMatch(/^cpu.*GB/);
    const missing = window.rows('Devices').filter({ hasText: 'openvino' });
    expect(plain(await missing.textContent())).toContain('not installed');
    await missing.hover();
    await missing.getByRole('button', { name: 'Install OpenVINO' }).waitFor();
    await window.picture(`devices-${theme}`);
  });

  /** Processes of this window that measure, or fetch for it. */
  const workers = (window: Workbench): number[] =>
    processesOf(window.serverFolder, /--measure|\bprobe\b|--install|pip download/);

  it('measures until that is cancelled', async () => {
    const window = await open('dark');
    const pane = window.pane('Devices');
    await pane.hover();
    await pane.getByRole('button', { name: 'Measure Devices' }).click();
    const toast = window.notification.filter({ hasText: 'Measuring devices' });
    await expect.poll(() => workers(window).length).toBeGreaterThan(1);
    await toast.hover();
    await window.picture('devices-measuring');
    await toast.getByRole('button', { name: 'Cancel' }).click();
    await toast.waitFor({ state: 'detached' });
    await expect.poll(() => workers(window)).toEqual([]);
    // What was known is still there.
    await window.rows('Devices').filter({ hasText: /^cpu/ }).waitFor();
    expect(await window.notification.count()).toBe(0);
  });

  it('installs until that is cancelled, and pip ends too', async () => {
    // An index that takes every request and answers none.
    const index = createServer();
    await once(index.listen(0, '127.0.0.1'), 'listening');
    delete process.env.PIP_NO_INDEX;
    const { port } = index.address() as AddressInfo;
    Object.assign(process.env, { PIP_INDEX_URL: `http://127.0.0.1:${port}/`, PIP_CONFIG_FILE: devNull });
    const window = await open('dark');
    const missing = window.rows('Devices').filter({ hasText: 'openvino' });
    await missing.hover();
    const connected = once(index, 'connection') as Promise<[Socket]>;
    await missing.getByRole('button', { name: 'Install OpenVINO' }).click();
    const [connection] = await connected;
    connection.resume().on('error', () => undefined);
    expect(workers(window).length).toBeGreaterThan(1);
    const toast = window.notification.filter({ hasText: 'Installing OpenVINO' });
    await toast.hover();
    await toast.getByRole('button', { name: 'Cancel' }).click();
    await toast.waitFor({ state: 'detached' });
    await expect.poll(() => connection.closed).toBe(true);
    await expect.poll(() => workers(window)).toEqual([]);
    expect(await window.notification.count()).toBe(0);
    index.close();
  });

  it('says why a library cannot be installed, and offers to take a wheel', async () => {
    const window = await open('dark');
    const missing = window.rows('Devices').filter({ hasText: 'openvino' });
    await missing.hover();
    await missing.getByRole('button', { name: 'Install OpenVINO' }).click();
    const toast = window.notification.filter({ hasText: 'no openvino of the version' });
    await toast.waitFor({ timeout: 120_000 });
    const words = plain(await toast.textContent());
    expect(words).toContain('"engine": "cpu" works without it');
    expect(words).toContain('choose a wheel that you have');
    expect(words).not.toContain('--');
    await toast.getByRole('button', { name: 'Choose a Wheel…' }).waitFor();
    await window.picture('devices-not-installed');
  });
});
