/** @file What is said of teachers that show nothing but their predictions, where a loss would imitate what is inside. */

import { imitationFacts, imitationNames, type ImitationName } from '../imitation';

type Words = Record<'message' | 'remedy', string>;

/** `TEACHER-without-LOSS`, for each loss. */
export const withoutInside = <Teacher extends string>(
  teacher: Teacher,
  { message, instead }: { message: (verb: 'are' | 'is', what: string) => string; instead: string },
): Record<`${Teacher}-without-${ImitationName}`, Words> =>
  Object.fromEntries(
    imitationNames.map((name): [string, Words] => [
      `${teacher}-without-${name}`,
      { message: message(...imitationFacts[name].missing), remedy: `Remove "${name}", or ${instead}.` },
    ]),
  ) as Record<`${Teacher}-without-${ImitationName}`, Words>;
