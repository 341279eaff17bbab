/** @file The tokens of a student and of a teacher with another tokenizer as one list, so that what they say can stand side by side. */

import { matchTokens } from './matched-tokens';
import type { Tokenizer } from './tokenizer';

/** Text of every token, by its id. */
export const tokenTexts = (tokenizer: Tokenizer): string[] =>
  Array.from({ length: tokenizer.vocabularySize }, (_, id) => tokenizer.tokenText(id));

/** The student's tokens by their ids, and behind them those of the teacher's that are none of the student's. */
export class JoinedVocabulary {
  /** Text of each. */
  readonly names: readonly string[];
  /** By the teacher's id, the place in the list. */
  private readonly places: Int32Array;
  private readonly ofStudent: number;

  constructor(student: Tokenizer, teacher: Tokenizer) {
    const matched = matchTokens(student, teacher);
    this.ofStudent = student.vocabularySize;
    this.places = new Int32Array(teacher.vocabularySize).fill(-1);
    for (const [i, id] of matched.teacher.entries()) this.places[id] = matched.student[i]!;
    const names = tokenTexts(student);
    for (const [id, place] of this.places.entries()) {
      if (place >= 0) continue;
      this.places[id] = names.length;
      names.push(teacher.tokenText(id));
    }
    this.names = names;
  }

  get size(): number {
    return this.names.length;
  }

  /** Place of a token of the teacher's. */
  placeOf(teachersId: number): number {
    return this.places[teachersId]!;
  }

  /** The student's logits [rows, V] as [rows, size]: −Infinity for what is the teacher's alone. A head's surplus is cut off. */
  fromStudent({ shape: [rows, width], data }: Logits): Logits {
    const joined = this.nothing(rows);
    const size = Math.min(width, this.ofStudent);
    for (let row = 0; row < rows; row++)
      joined.data.set(data.subarray(row * width, row * width + size), row * this.size);
    return joined;
  }

  /** The same of the teacher's: −Infinity for what is the student's alone. */
  fromTeacher({ shape: [rows, width], data }: Logits): Logits {
    const joined = this.nothing(rows);
    const size = Math.min(width, this.places.length);
    for (let row = 0; row < rows; row++)
      for (let id = 0; id < size; id++) joined.data[row * this.size + this.places[id]!] = data[row * width + id]!;
    return joined;
  }

  private nothing(rows: number): Logits {
    return { shape: [rows, this.size], data: new Float32Array(rows * this.size).fill(-Infinity) };
  }
}

/** [rows, tokens] */
interface Logits {
  shape: [number, number];
  data: Float32Array;
}
