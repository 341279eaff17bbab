/** @file The place of a largest or smallest element, without the operators that look for it. */

import type { LoweringRule } from './lowering';
import { reduce } from './kernels/reduction';

/** The first place of an extreme along an axis: the least of the places whose element equals it. int32, not int64. */
export const indexOfExtreme =
  (extreme: string): LoweringRule =>
  ({ graph, node, inputs: [x] }) => {
    const axis = node.attributes.axis as number;
    const extent = x!.shape[axis]!;
    const alongAxis = x!.shape.map((_, i) => (i === axis ? extent : 1));
    const places = graph.constant(
      Int32Array.from({ length: extent }, (_, i) => i),
      alongAxis,
      'int32',
    );
    const equal = graph.elementwise('Equal', x!, reduce(graph, extreme, x!, [axis], true), 'bool');
    const candidates = graph.node('Where', [equal, places, graph.scalar(extent, 'int32')], {
      shape: x!.shape,
      type: 'int32',
    });
    return reduce(graph, 'ReduceMin', candidates, [axis], node.attributes.keepdims === 1);
  };
