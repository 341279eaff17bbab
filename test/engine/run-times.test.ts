import { expect, it } from 'vitest';
import type { KernelTime } from '../../src/engine/openvino/library';
import { RunTimes } from '../../src/engine/openvino/run-times';

const kernels = (...milliseconds: number[]): KernelTime[] =>
  milliseconds.map((time, i) => ({ operator: `Operator${i}`, implementation: 'any', milliseconds: time }));

it('tells what a run took from means over all runs, so that a slow first one is not part of those after it', () => {
  const times = new RunTimes();
  times.count();
  expect(times.ofLastRun(kernels(100, 8))).toEqual(kernels(100, 8));
  times.count();
  expect(times.ofLastRun(kernels(51, 6))).toEqual(kernels(2, 4));
  times.count();
  expect(times.ofLastRun(kernels(35, 6))).toEqual(kernels(3, 6));
});

it('takes runs that nobody asked about together with the next', () => {
  const times = new RunTimes();
  // Whether it computes was checked before anybody listened: what that took is not known by itself.
  times.count();
  times.count();
  expect(times.ofLastRun(kernels(10))).toEqual(kernels(10));
  times.count();
  times.count();
  expect(times.ofLastRun(kernels(8))).toEqual(kernels(12));
});
