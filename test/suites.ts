/** @file Which tests are of the suite `program`; those of its own folder that start nothing are few, and stay beside the others. */

/** They start the program, or carry its command lines out in their own process; the rest of test/ is of the suite `unit`. */
export const startsProgram: readonly string[] = [
  'test/runner/**/*.test.ts',
  'test/storage/*.test.ts',
  'test/torchrun/*.test.ts',
  'test/peers/*.test.ts',
  'test/extension/models/*.test.ts',
  'test/engine/gpu-providers.test.ts',
  'test/protocol/escapes.test.ts',
  'test/scripts/build.test.ts',
];
