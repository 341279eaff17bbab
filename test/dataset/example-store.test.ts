/** @file Examples as bytes: the same as they were given, in memory and in a file, which leaves nothing behind. */

import { mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync, readFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ByteReader, Damaged } from '../../src/dataset/byte-reader';
import { ExampleStore, lengthsOf, StoredExamples } from '../../src/dataset/example-store';
import { notCounted, type TokenExample } from '../../src/dataset/examples';
import { randomStream } from '../../src/engine/random';

let folder: string;
beforeEach(() => (folder = mkdtempSync(path.join(os.tmpdir(), 'distillery-store-'))));
afterEach(() => rmSync(folder, { recursive: true }));

const random = randomStream(3);

/** Up to 40 tokens each; every ninth is longer than what a store of the tests holds. */
function examples(count: number, vocabularySize: number, perToken: boolean): TokenExample[] {
  return Array.from({ length: count }, (_, index) => {
    const length = index % 9 === 8 ? 3000 : 1 + Math.floor(random() * 40);
    const inputIds = Int32Array.from({ length }, () => Math.floor(random() * vocabularySize));
    const typeIds = Int32Array.from({ length }, (__, i) => (i > length / 2 ? 1 : 0));
    const labels = perToken ? inputIds.map((id, i) => (i % 3 === 0 ? notCounted : id)) : (index % 5) - 1;
    return { inputIds, typeIds, labels };
  });
}

const rowOf = (index: number) => ({
  text: `row ${index} \u{1f600}`,
  label: `${index % 5}`,
  file: 'rows.csv',
  line: index + 2,
});

function fill(given: readonly TokenExample[], vocabularySize: number, perToken: boolean, heldBytes?: number) {
  const store = new ExampleStore({
    path: path.join(folder, 'examples'),
    vocabularySize,
    perToken,
    keepsRows: true,
    ...(heldBytes !== undefined && { heldBytes }),
  });
  for (const [index, example] of given.entries()) store.add(example, rowOf(index));
  return store;
}

const keptBytes = (store: ExampleStore): Buffer =>
  Buffer.concat(
    Array.from(store.kept(), ({ buffer, byteOffset, byteLength }) =>
      Buffer.from(buffer.slice(byteOffset, byteOffset + byteLength)),
    ),
  );

describe('places in spans', () => {
  const made = (hasSpans: boolean): ExampleStore =>
    new ExampleStore({
      ...{ vocabularySize: 400, perToken: true, keepsRows: false, hasSpans },
      path: path.join(folder, 'spans'),
    });

  it('are given back, from what was kept of them too, and are nothing that others could have', async () => {
    const given = examples(40, 400, true).map((example) => ({
      ...example,
      spans: Uint8Array.from(example.inputIds, (id) => id % 3),
    }));
    const store = made(true);
    for (const example of given) store.add(example);
    expect(Array.from(given.keys(), (index) => store.at(index))).toEqual(given);
    const file = path.join(folder, 'kept-spans');
    const bytes = keptBytes(store);
    writeFileSync(file, bytes);
    const read = async (into: ExampleStore): Promise<ExampleStore> => {
      const handle = await open(file);
      await into.restore(store.keptSizes, new ByteReader(handle, bytes.length), 0).finally(() => handle.close());
      return into;
    };
    const again = await read(made(true));
    expect(Array.from(given.keys(), (index) => again.at(index))).toEqual(given);
    await expect(read(made(false))).rejects.toThrow(Damaged);
  });
});

describe('classes of words', () => {
  const options = { vocabularySize: 400, perToken: true, tokenClasses: true, keepsRows: false };
  const made = (): ExampleStore => new ExampleStore({ ...options, path: path.join(folder, 'words') });
  const given = examples(40, 400, true).map((example) => ({
    ...example,
    labels: (example.labels as Int32Array).map((label, i) => (label === notCounted ? label : i % 7)),
  }));
  const filled = (): ExampleStore => {
    const store = made();
    for (const example of given) store.add(example);
    return store;
  };
  it('are given back, and again from what was kept of them', async () => {
    const store = filled();
    expect(Array.from(given.keys(), (index) => store.at(index))).toEqual(given);
    const file = path.join(folder, 'kept');
    const bytes = keptBytes(store);
    writeFileSync(file, bytes);
    const handle = await open(file);
    const readerOf = (): ByteReader => new ByteReader(handle, bytes.length);
    const again = made();
    await again.restore(store.keptSizes, readerOf(), 7);
    expect(Array.from(given.keys(), (index) => again.at(index))).toEqual(given);
    // A class that the labels do not have.
    await handle.close();
    const other = await open(file);
    await expect(made().restore(store.keptSizes, new ByteReader(other, bytes.length), 6)).rejects.toThrow(Damaged);
    await other.close();
  });
});

describe('a store of examples', () => {
  for (const vocabularySize of [400, 250_000]) {
    for (const perToken of [false, true]) {
      const kind = `${perToken ? 'a label a token' : 'a class an example'} and ${vocabularySize} tokens`;
      it(`gives back what it was given, from memory and from its file: ${kind}`, () => {
        const given = examples(100, vocabularySize, perToken);
        for (const heldBytes of [undefined, 2048]) {
          const store = fill(given, vocabularySize, perToken, heldBytes);
          for (const index of [99, 0, 64, 63, 8]) {
            expect(store.at(index)).toEqual({ ...given[index] });
            expect(store.rowAt(index)).toEqual(rowOf(index));
          }
          expect(Array.from(given.keys(), (index) => store.at(index))).toEqual(given);
          store.close();
        }
      });
    }
  }

  it('leaves no file behind, not even one that is never closed', () => {
    const store = fill(examples(100, 400, false), 400, false, 2048);
    expect(readdirSync(folder)).toEqual([]);
    store.close();
  });

  it('never writes where a link leads', () => {
    const target = path.join(folder, 'target');
    writeFileSync(target, 'mine');
    symlinkSync(target, path.join(folder, 'examples.tokens'));
    expect(() => fill(examples(100, 400, false), 400, false, 2048)).toThrow();
    expect(readFileSync(target, 'utf8')).toBe('mine');
  });

  it('is seen in another order, and in part', () => {
    const given = examples(100, 400, false);
    const store = fill(given, 400, false);
    const some = new StoredExamples(store, Uint32Array.of(7, 99, 0));
    expect([some.at(0), some.at(2)]).toEqual([given[7], given[0]]);
    expect(some.rowAt(1).text).toBe(rowOf(99).text);
    expect([...lengthsOf(some)]).toEqual([7, 99, 0].map((index) => given[index]!.inputIds.length));
    expect([...lengthsOf(new StoredExamples(store))]).toEqual([...lengthsOf(given)]);
  });

  it('holds no more of its records in memory than it may, however many and long they are', () => {
    const heldBytes = 2 ** 16;
    const options = { vocabularySize: 400, perToken: false, keepsRows: false, heldBytes };
    const store = new ExampleStore({ path: path.join(folder, 'examples'), ...options });
    let most = 0;
    for (const example of examples(400, 400, false)) {
      store.add(example);
      most = Math.max(most, store.heldBytes);
    }
    expect(most).toBeGreaterThan(heldBytes / 4);
    expect(most).toBeLessThanOrEqual(heldBytes);
    store.close();
  });
});
