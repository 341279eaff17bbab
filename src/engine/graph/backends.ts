/** @file Which tfjs backend operations run on, switched for the length of one synchronous piece of work. */

import * as tf from '@tensorflow/tfjs-core';

/** Runs `work` on the named backend, which must have been opened before, and goes back to the one that was in use. */
export function withBackend<T>(name: string, work: () => T): T {
  const current = tf.engine().backendName;
  if (current === name) return work();
  // A backend that has been opened is switched to at once, although tfjs declares a promise.
  void tf.setBackend(name);
  try {
    return work();
  } finally {
    if (current in tf.engine().registry) void tf.setBackend(current);
  }
}

/** The first backend stays in use between pieces of work, which saves those that run on it the switch. */
export function useUnlessOther(name: string): void {
  if (!(tf.engine().backendName in tf.engine().registry)) void tf.setBackend(name);
}
