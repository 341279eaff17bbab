import { describe, expect, it } from 'vitest';
import type { Engine } from '../../src/engine/engines';
import { candidates } from './executors';
import { openTogether } from './shared-process';

const isThere = (engine: Engine): boolean =>
  candidates.some((candidate) => candidate.engine === engine && candidate.missing === undefined);

const pairs: readonly (readonly [Engine, Engine])[] = [
  ['cpu', 'openvino'],
  ['openvino', 'cpu'],
  ['tfjs-node', 'openvino'],
  ['openvino', 'tfjs-node'],
];

describe('engines in one process', () => {
  for (const engines of pairs) {
    it.skipIf(!engines.every(isThere))(
      `${engines.join(' and then ')} compute, and keep freed memory alike`,
      async () => {
        const { squares, keeps } = await openTogether(engines);
        for (const engine of engines) expect(squares[engine]).toEqual([7, 10, 15, 22]);
        expect([{}, { 64: true, 256: false }]).toContainEqual(keeps);
      },
    );
  }
});
