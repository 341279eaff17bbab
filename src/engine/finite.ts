/** @file Whether numbers are numbers: a NaN or an infinity spoils all that is summed up with it. */

/** Whether none is NaN or infinite. */
export function allFinite(values: ArrayLike<number>): boolean {
  // 0 · NaN and 0 · ∞ are NaN, and a sum with NaN is NaN: no branch for each value.
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += 0 * values[i]!;
  return sum === 0;
}
