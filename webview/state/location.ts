/** @file Where a link into the Lab leads, as choices of the page. Pure. */

import type { ProbeSet } from '../../src/protocol/lab-data';
import type { LabLocation } from '../../src/protocol/panel';
import type { ProbeExample } from '../../src/protocol/inspection-records';
import type { Choices } from './choices';

/** What can be chosen at once: the rest needs the pinned examples. */
export function choicesAt({ tab, besides, temperature, step }: LabLocation): Partial<Choices> {
  return {
    ...(tab !== undefined && { tab }),
    ...(besides && { besides }),
    ...(temperature !== undefined && { temperature }),
    ...(step !== undefined && { probe: step }),
  };
}

/** The pinned example of a location's row and the position of its token; undefined where the row is not pinned. */
export function pinnedChoices(
  { row, offset }: LabLocation,
  { examples: { examples } }: ProbeSet,
): Pick<Choices, 'example' | 'position'> | undefined {
  if (!row) return undefined;
  const example = examples.findIndex(({ file, line }) => file === row.file && line === row.line);
  return example < 0 ? undefined : { example, position: positionAt(examples[example]!, offset) };
}

/** Index of the position that predicts the token at an offset into the text; the first where there is none. */
export function positionAt({ tokens, positions }: ProbeExample, offset: number | undefined): number {
  if (offset === undefined) return 0;
  const covers = positions.findIndex(({ token }) => {
    const at = tokens[token];
    return at !== undefined && at.start <= offset && offset < at.end;
  });
  return Math.max(0, covers);
}
