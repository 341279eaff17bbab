/** @file A binary heap of counted pairs: most frequent first, of equals the lower pair. */

interface CountedPair {
  pair: number;
  count: number;
}

export class PairHeap {
  private readonly items: CountedPair[] = [];

  push(pair: number, count: number): void {
    const { items } = this;
    const item = { pair, count };
    let at = items.push(item) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!goesFirst(item, items[parent]!)) break;
      items[at] = items[parent]!;
      at = parent;
    }
    items[at] = item;
  }

  pop(): CountedPair | undefined {
    const { items } = this;
    const top = items[0];
    const last = items.pop();
    if (!last || items.length === 0) return top;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && goesFirst(items[child + 1]!, items[child]!)) child++;
      if (!goesFirst(items[child]!, last)) break;
      items[at] = items[child]!;
      at = child;
    }
    items[at] = last;
    return top;
  }
}

function goesFirst(a: CountedPair, b: CountedPair): boolean {
  return a.count > b.count || (a.count === b.count && a.pair < b.pair);
}
