/**
 * @file A GPU for tests on machines without one, a Vulkan driver that computes on the processor: Mesa's lavapipe, which keeps what it has compiled from
 * run to run (in XDG_CACHE_HOME), knows 16-bit floats, and is what a Linux desktop without a GPU has; else Chromium's SwiftShader.
 */

import { existsSync } from 'node:fs';
import { ensureLavapipe } from '../harness/lavapipe';
import { canInstallPackages, installPackages } from '../harness/packages';

/** Its description for the Vulkan loader, where Debian's Chromium has it. */
const SWIFTSHADER = '/usr/lib/chromium/vk_swiftshader_icd.json';
const LOADERS = ['/usr/lib/x86_64-linux-gnu/libvulkan.so.1', '/usr/lib/aarch64-linux-gnu/libvulkan.so.1'];

/**
 * Before all tests: installs loader and driver where that needs nobody's leave; elsewhere the tests are skipped, saying why. The
 * driver is what all test processes then find, the same everywhere, unless one is named already: so a real GPU can be tested.
 */
export function setup(): void {
  if (process.platform !== 'linux') return;
  const lavapipe = ensureLavapipe(process.cwd());
  if (canInstallPackages()) {
    const driver = lavapipe !== undefined || existsSync(SWIFTSHADER) ? [] : ['chromium-common'];
    installPackages([...(LOADERS.some(existsSync) ? [] : ['libvulkan1']), ...driver], 'The tests on WebGPU');
  }
  process.env.VK_ICD_FILENAMES ??= lavapipe ?? SWIFTSHADER;
}
