/** @file Divides items among splits by whole groups, in a fixed pseudo-random order. */

interface SplitRules<T> {
  /** Items of one group stay together: a conversation, a chapter. */
  groupOf: (item: T) => string;
  /** Each stratum is divided by the same shares; a group belongs to the stratum of its first item. */
  stratumOf: (item: T) => string;
  /** What the shares are counted in. */
  sizeOf: (item: T) => number;
  /** A sort key without meaning, such as a hash: groups are dealt, and items of a split listed, by it. */
  orderOf: (text: string) => string;
}

/** The splits in the order of `shares`, whose values sum to 1. */
export function splitGroups<T, Name extends string>(
  items: readonly T[],
  shares: Readonly<Record<Name, number>>,
  rules: SplitRules<T>,
): Record<Name, T[]> {
  const names = Object.keys(shares) as Name[];
  const splits = Object.fromEntries(names.map((name) => [name, [] as T[]])) as Record<Name, T[]>;
  const groups = [...groupBy(items, rules.groupOf)].map(([name, members]) => ({ name, members }));
  for (const stratum of groupBy(groups, (group) => rules.stratumOf(group.members[0]!)).values()) {
    const dealt = sortBy(stratum, (group) => rules.orderOf(group.name));
    const sizes = dealt.map((group) => group.members.reduce((sum, item) => sum + rules.sizeOf(item), 0));
    const total = sizes.reduce((sum, size) => sum + size, 0);
    let before = 0;
    dealt.forEach((group, i) => {
      // A group falls where its middle falls, so that a large one does not always overfill a split.
      splits[splitAt((before + sizes[i]! / 2) / total, shares)].push(...group.members);
      before += sizes[i]!;
    });
  }
  for (const name of names) {
    splits[name] = sortBy(splits[name], (item) => rules.orderOf(JSON.stringify(item)));
  }
  return splits;
}

function splitAt<Name extends string>(position: number, shares: Readonly<Record<Name, number>>): Name {
  const names = Object.keys(shares) as Name[];
  let end = 0;
  return names.find((name) => position < (end += shares[name])) ?? names.at(-1)!;
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const members = groups.get(key);
    if (members) members.push(item);
    else groups.set(key, [item]);
  }
  return groups;
}

function sortBy<T>(items: readonly T[], keyOf: (item: T) => string): T[] {
  const keyed = items.map((item) => ({ item, key: keyOf(item) }));
  return keyed.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0)).map(({ item }) => item);
}
