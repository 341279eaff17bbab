/** @file What can be wrong within a Parquet file, before it is known which row that is. */

import { complaint, type Complaint } from '../protocol/problem';

/** The reader adds the file and the row. */
export class ParquetFault extends Error {
  override readonly name = 'ParquetFault';

  /** @param later what is said where earlier rows could be read */
  constructor(
    private readonly first: Complaint,
    private readonly later?: (row: number) => Complaint,
  ) {
    super(first.message);
  }

  /** @param row from which on the file cannot be read */
  from(row: number): Complaint {
    return row > 1 && this.later ? this.later(row) : this.first;
  }
}

/** The file is not whole, or was never a Parquet file. @param reason for whoever made it, without a full stop */
export function damaged(reason: string): ParquetFault {
  const from = (row: number | undefined): Complaint => complaint('parquet-damaged', { reason, row });
  return new ParquetFault(from(undefined), from);
}

/** Calls what makes something of a file's bytes: whatever it throws, the bytes are not what they should be. */
export function decoded<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (error instanceof ParquetFault) throw error;
    throw damaged(error instanceof Error ? error.message : String(error));
  }
}

/**
 * As hyparquet reads numbers from it. In one that goes on for longer than any number does, the package would go on too: its time grows with the
 * square of the length.
 */
export class NumberView extends DataView<ArrayBufferLike> {
  private high = 0;

  override getUint8(at: number): number {
    const byte = super.getUint8(at);
    this.high = byte < 0x80 ? 0 : this.high + 1;
    if (this.high > 64) throw new Error('a number has no end');
    return byte;
  }
}
