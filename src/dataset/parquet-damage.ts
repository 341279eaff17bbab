/** @file What can be wrong within a Parquet file, before it is known which row that is. */

import { complaint, type Complaint } from '../protocol/problem';

/** The reader adds the file and the row. */
export class ParquetFault extends Error {
  override readonly name: string = 'ParquetFault';

  constructor(private readonly what: Complaint) {
    super(what.message);
  }

  /** @param _row from which on the file cannot be read */
  from(_row: number): Complaint {
    return this.what;
  }
}

class Damage extends ParquetFault {
  override readonly name = 'Damage';

  constructor(private readonly reason: string) {
    super(complaint('parquet-damaged', { reason, row: undefined }));
  }

  override from(row: number): Complaint {
    return complaint('parquet-damaged', { reason: this.reason, row: row > 1 ? row : undefined });
  }
}

/** The file is not whole, or was never a Parquet file. @param reason for whoever made it, without a full stop */
export function damaged(reason: string): ParquetFault {
  return new Damage(reason);
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
