/**
 * @file A graph that is loaded again is not compiled again: of what an executor has loaded, programs of the same graph share a session, and some that
 * nobody uses are kept for the next, as the student's are for the control's training and for the next seed's.
 */

import { createHash } from 'node:crypto';
import type { InferenceSession } from 'onnxruntime-node';
import type { OnnxModel } from '../graph/onnx';

/** Each has threads of its own, which sleep. */
const MOST_UNUSED = 16;

/** Bytes of their models together. A session takes some 30 times as much. */
const MOST_UNUSED_BYTES = 2 ** 19;

export interface SharedSession {
  readonly session: InferenceSession;
  /** Once it is not needed any more. */
  readonly giveBack: () => Promise<void>;
}

interface Kept {
  readonly session: Promise<InferenceSession>;
  readonly bytes: number;
  users: number;
}

/** The sessions of one executor, which must be ones that any number of programs may run in turn: with no state but their graph's. */
export class KeptSessions {
  private readonly byModel = new Map<string, Kept>();
  /** Those without a user, the one that has been so for longest first. */
  private readonly unused = new Map<string, Kept>();

  constructor(private readonly create: (onnx: OnnxModel) => Promise<InferenceSession>) {}

  /** A session with frozen weights is the program's alone: it may be as large as a teacher. */
  async open(onnx: OnnxModel): Promise<SharedSession> {
    if (onnx.frozen.length > 0) {
      const session = await this.create(onnx);
      return { session, giveBack: () => session.release() };
    }
    const key = createHash('sha256').update(onnx.model).digest('base64');
    const known = this.byModel.get(key);
    const kept = known ?? { session: this.create(onnx), bytes: onnx.model.length, users: 0 };
    this.byModel.set(key, kept);
    this.unused.delete(key);
    kept.users++;
    try {
      const session = await kept.session;
      let isGivenBack = false;
      const giveBack = async (): Promise<void> => {
        if (isGivenBack) return;
        isGivenBack = true;
        if (--kept.users === 0) await this.keepUnused(key, kept);
      };
      return { session, giveBack };
    } catch (error) {
      if (this.byModel.get(key) === kept) this.byModel.delete(key);
      throw error;
    }
  }

  private async keepUnused(key: string, kept: Kept): Promise<void> {
    this.unused.set(key, kept);
    let bytes = 0;
    for (const one of this.unused.values()) bytes += one.bytes;
    const leaving: Kept[] = [];
    for (const [oldest, one] of this.unused) {
      if (this.unused.size <= MOST_UNUSED && bytes <= MOST_UNUSED_BYTES) break;
      this.unused.delete(oldest);
      this.byModel.delete(oldest);
      bytes -= one.bytes;
      leaving.push(one);
    }
    for (const { session } of leaving) await (await session).release();
  }
}
