/** @file A GPU for tests on machines without one: the Vulkan driver inside Chromium, SwiftShader, which computes on the CPU. */

import { existsSync } from 'node:fs';
import { ensureLavapipe } from '../harness/lavapipe';
import { canInstallPackages, installPackages } from '../harness/packages';

/** Its description for the Vulkan loader, where Debian's Chromium has it. */
const DRIVER = '/usr/lib/chromium/vk_swiftshader_icd.json';
const LOADERS = ['/usr/lib/x86_64-linux-gnu/libvulkan.so.1', '/usr/lib/aarch64-linux-gnu/libvulkan.so.1'];

/**
 * Before all tests: installs loader and driver where that needs nobody's leave; elsewhere the tests are skipped, saying why. The
 * driver is what all test processes then find, the same everywhere, unless one is named already: so a real GPU can be tested.
 * The tests in 16-bit floats, which this driver has not got, take another one: DISTILLERY_LAVAPIPE.
 */
export function setup(): void {
  if (process.platform !== 'linux') return;
  if (canInstallPackages()) {
    installPackages(
      [...(LOADERS.some(existsSync) ? [] : ['libvulkan1']), ...(existsSync(DRIVER) ? [] : ['chromium-common'])],
      'The tests on WebGPU',
    );
  }
  process.env.VK_ICD_FILENAMES ??= DRIVER;
  const lavapipe = ensureLavapipe(process.cwd());
  if (lavapipe !== undefined) process.env.DISTILLERY_LAVAPIPE = lavapipe;
}
