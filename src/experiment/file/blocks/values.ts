/** @file Values that several blocks of the experiment file are made of. */

import * as z from 'zod';

/** What is done for each of them must end: far above what anybody trains. */
const MOST = 2 ** 20;

export const count = (description: string, most = MOST) => z.int().min(1).max(most).describe(description);

/** zod measures whatever has a length: also an object of JSON with a key of that name, and whatever is under it. */
export const measured: object = {
  when: ({ value }: { value: unknown }) => typeof value === 'string' || Array.isArray(value),
};

/** Not empty. */
export const text = (most = Infinity) => {
  const given = z.string().check(z.minLength(1, measured));
  return most < Infinity ? given.check(z.maxLength(most, measured)) : given;
};

/** Not empty either. */
export const some = <Item extends z.ZodType>(item: Item, most = Infinity) => {
  const given = z.array(item).check(z.minLength(1, measured));
  return most < Infinity ? given.check(z.maxLength(most, measured)) : given;
};

export const path = (description: string) => text().describe(description);

/** Of a model: `experiment/checks/locate-model` finds it. */
export const modelPath = (description: string) =>
  path(
    `${description} Or a model of Hugging Face, "org/name", "org/name@revision" or "org/name/FILE.gguf", that is in its cache here; or an installed one, "minilm" or "smollm2".`,
  );

export const seed = z.int().min(0).max(0xffffffff);
