/** @file koffi, through which C libraries are called, with the settings that it takes only before it loads the first of them. */

import koffi from 'koffi';

/** Stacks on which libraries run: OpenVINO's compiler needs more than the 128 KiB of an asynchronous call. */
const STACK_BYTES = 8 * 2 ** 20;

koffi.config({ async_stack_size: STACK_BYTES, sync_stack_size: STACK_BYTES, resident_async_pools: 1 });

export { default as koffi } from 'koffi';
