/** @file The GPU that onnxruntime's WebGPU provider runs on: its name, memory and limits. */

import os from 'node:os';
import type { DeviceDescription } from '../executor';

/** What Dawn, the provider's WebGPU, takes for the bound of a buffer on Direct3D 12. */
const LARGEST_DIRECT3D_BUFFER = 2 * 2 ** 30;

/**
 * The GPU that the provider takes, which does not say so itself: it asks for the fastest kind first, so it is the first of the
 * system's own list in that order. Fields that the system does not give are absent.
 */
export async function describeHardware(): Promise<Omit<DeviceDescription, 'float16'>> {
  // Macs for which there is a provider have one GPU, a part of the processor, with the machine's memory.
  if (process.platform === 'darwin') {
    return { name: `${os.cpus()[0]?.model.trim() ?? 'Apple'} GPU`, memoryBytes: os.totalmem(), software: false };
  }
  const { vulkanDevices } = await import('./vulkan');
  const [device] = vulkanDevices();
  const direct3d = process.platform === 'win32' ? { largestTensorBytes: LARGEST_DIRECT3D_BUFFER } : undefined;
  if (!device) return { name: 'GPU', ...direct3d, software: false };
  return {
    name: device.name,
    memoryBytes: device.memoryBytes > 0 ? device.memoryBytes : undefined,
    largestTensorBytes: device.largestBindingBytes,
    ...direct3d,
    software: device.kind === 'software',
  };
}
