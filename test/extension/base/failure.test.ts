/** @file What a process of ours says in place of a result is data, never read from its prose. */

import { describe, expect, it } from 'vitest';
import { ErrorCodes, ResponseError } from 'vscode-jsonrpc/node';
import { askedError, errorOf, failureIn } from '../../../src/extension/base/failure';
import { complaint, ComplaintError, InputError, problemAt } from '../../../src/protocol/problem';
import { failureOf, rejection } from '../../../src/runner/serve/failure';

const wrong = new InputError([problemAt({ file: 'C:\\x.json', line: 3, column: 7 }, 'key-twice', { key: 'a' })]);
const full = new ComplaintError(complaint('install-disk-full', { folder: '/data' }));

/** As it comes over a pipe. */
const sent = (error: unknown): unknown => JSON.parse(JSON.stringify(failureOf(error)));

describe('a failure', () => {
  it('is thrown again as it was', () => {
    const input = errorOf(failureIn(sent(wrong))!);
    expect(input instanceof InputError && input.problems).toEqual(wrong.problems);
    const other = errorOf(failureIn(sent(full))!);
    expect(other instanceof ComplaintError && other.complaint).toEqual(full.complaint);
  });

  it('comes with a request that is rejected', () => {
    const rejected = (error: unknown): unknown => {
      try {
        rejection(error);
      } catch (thrown) {
        return thrown;
      }
    };
    expect((askedError(rejected(wrong)) as InputError).problems).toEqual(wrong.problems);
    expect((askedError(rejected(new Error('odd'))) as Error).message).toBe('odd');
    // Of the protocol itself there is no more than the error.
    const cancelled = new ResponseError(ErrorCodes.MessageWriteError, 'gone');
    expect(rejected(cancelled)).toBe(cancelled);
    expect(askedError(cancelled)).toBe(cancelled);
  });

  it('is nothing else', () => {
    const others = [
      undefined,
      null,
      'x',
      {},
      { problems: [] },
      { problems: [{ message: 'a' }] },
      { error: 'no' },
      { rows: [] },
    ];
    expect(others.map(failureIn)).toEqual(others.map(() => undefined));
  });
});
