/** @file The Devices view: what can compute here, in each theme, and an installation that cannot be. */

import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { processesOf } from './processes';
import { newWorkspace } from './real-runs';
import { plain, themes, Workbench, type Theme } from './workbench';

describe('the Devices view', () => {
  /** Nothing is installed. */
  const open = async (pipIndex?: string): Promise<Workbench> => {
    const workspace = newWorkspace();
    const libraries = path.join(workspace, '.libraries');
    const window = await Workbench.open(workspace, { theme: 'dark', libraries, ...(pipIndex && { pipIndex }) });
    await window.openSidebar();
    await window.rows('Devices').filter({ hasText: 'openvino' }).waitFor({ timeout: 120_000 });
    return window;
  };

  /** Processes of this window that measure, or fetch for it. */
  const workers = (window: Workbench): number[] =>
    processesOf(window.serverFolder, /--measure|\bprobe\b|--install|pip download/);

  describe('without libraries', () => {
    let window: Workbench;
    beforeAll(async () => {
      window = await open();
    });

    it.each(Object.keys(themes) as Theme[])('lists what can compute, %s', async (theme) => {
      await window.chooseTheme(theme);
      const cpu = window.rows('Devices').filter({ hasText: /^cpu/ });
      expect(plain(await cpu.textContent())).toMatch(/^cpu.*GB/);
      const missing = window.rows('Devices').filter({ hasText: 'openvino' });
      expect(plain(await missing.textContent())).toContain('not installed');
      await missing.hover();
      await missing.getByRole('button', { name: 'Install OpenVINO' }).waitFor();
      await window.picture(`devices-${theme}`);
    });

    it('measures until that is cancelled', async () => {
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

    it('says why a library cannot be installed, and offers to take a wheel', async () => {
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

  it('installs until that is cancelled, and pip ends too', async () => {
    // An index that takes every request and answers none.
    const index = createServer();
    await once(index.listen(0, '127.0.0.1'), 'listening');
    const { port } = index.address() as AddressInfo;
    const window = await open(`http://127.0.0.1:${port}/`);
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
});
