/** @file The machine's GPUs as the Vulkan loader lists them: the one source of names, kinds and memory on Linux and Windows. */

import path from 'node:path';
import { koffi } from '../native-calls';

/** VkPhysicalDeviceType, the most capable kind first: the order in which WebGPU implementations choose. */
const KINDS = ['discrete', 'integrated', 'virtual', 'software', 'other'] as const;
type VulkanKind = (typeof KINDS)[number];
const KIND_OF_TYPE: readonly VulkanKind[] = ['other', 'integrated', 'discrete', 'virtual', 'software'];

export interface VulkanDevice {
  readonly name: string;
  readonly kind: VulkanKind;
  /** Of its largest heap beside the device. */
  readonly memoryBytes: number;
  /** Bytes of one storage buffer that a shader sees at once. */
  readonly largestBindingBytes: number;
}

/** Offsets of fields, by vulkan_core.h on 64-bit machines, and sizes of the structures rounded up. */
const PROPERTIES = { size: 1024, type: 16, name: 20, nameEnd: 276, maxStorageBufferRange: 324 };
const MEMORY = { size: 1024, heapCount: 260, heaps: 264, heapSize: 16, flags: 8 };
const INSTANCE_INFO = { size: 64, type: 1 };
const DEVICE_LOCAL = 1;

/** The most capable first. Empty where there is no loader or no driver. */
export function vulkanDevices(): VulkanDevice[] {
  try {
    return listDevices().sort((a, b) => KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind));
  } catch {
    return []; // no libvulkan
  }
}

function listDevices(): VulkanDevice[] {
  // By its whole path on Windows, which otherwise takes one that lies in the current folder, a stranger's perhaps.
  const onWindows = path.join(process.env.SystemRoot ?? 'C:\\Windows', 'System32', 'vulkan-1.dll');
  const library = koffi.load(process.platform === 'win32' ? onWindows : 'libvulkan.so.1');
  const createInstance = library.func('int vkCreateInstance(const void *, const void *, _Out_ void **)');
  const destroyInstance = library.func('void vkDestroyInstance(void *, const void *)');
  const enumerate = library.func('int vkEnumeratePhysicalDevices(void *, _Inout_ uint32_t *, _Out_ void **)');
  const readProperties = library.func('void vkGetPhysicalDeviceProperties(void *, void *)');
  const readMemory = library.func('void vkGetPhysicalDeviceMemoryProperties(void *, void *)');

  const info = Buffer.alloc(INSTANCE_INFO.size);
  info.writeInt32LE(INSTANCE_INFO.type);
  const instance: unknown[] = [null];
  if (createInstance(info, null, instance) !== 0) return [];
  try {
    const count = [0];
    enumerate(instance[0], count, null);
    const handles = Array<unknown>(count[0]!).fill(null);
    enumerate(instance[0], count, handles);
    return handles.map((handle) => {
      const [properties, memory] = [Buffer.alloc(PROPERTIES.size), Buffer.alloc(MEMORY.size)];
      readProperties(handle, properties);
      readMemory(handle, memory);
      return describe(properties, memory);
    });
  } finally {
    destroyInstance(instance[0], null);
  }
}

function describe(properties: Buffer, memory: Buffer): VulkanDevice {
  const name = properties.toString('utf8', PROPERTIES.name, PROPERTIES.nameEnd);
  const heaps = Array.from(
    { length: memory.readUInt32LE(MEMORY.heapCount) },
    (_, i) => MEMORY.heaps + i * MEMORY.heapSize,
  );
  const own = heaps.filter((heap) => memory.readUInt32LE(heap + MEMORY.flags) & DEVICE_LOCAL);
  return {
    name: name.slice(0, name.indexOf('\0')),
    kind: KIND_OF_TYPE[properties.readInt32LE(PROPERTIES.type)] ?? 'other',
    memoryBytes: Math.max(0, ...own.map((heap) => Number(memory.readBigUInt64LE(heap)))),
    largestBindingBytes: properties.readUInt32LE(PROPERTIES.maxStorageBufferRange),
  };
}
