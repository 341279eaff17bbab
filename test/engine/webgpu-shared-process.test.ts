import { describe, expect, it } from 'vitest';
import { findLibrary } from '../../src/engine/libraries';
import { candidates } from './executors';
import { openTogether } from './shared-process';

const isThere = candidates.every(({ missing }) => missing === undefined) && findLibrary('openvino') !== undefined;

describe.skipIf(!isThere)('in one process', () => {
  it.each([['webgpu', 'openvino'] as const, ['openvino', 'webgpu'] as const])(
    '%s and then %s compute',
    async (...engines) => {
      const { squares } = await openTogether(engines);
      for (const engine of engines) expect(squares[engine]).toEqual([7, 10, 15, 22]);
    },
  );
});
