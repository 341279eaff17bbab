/** @file The programs of one training, each recorded once: its memory is foretold from the very programs that it then runs. */

import type { Program } from '../../engine/graph/program';
import { ByShape } from '../batch-inputs';
import { studentEntropies } from '../entropies';
import { evaluationProgram, measuringProgram } from '../evaluation/evaluation-program';
import { measuredPair, type ModelPair, type Pairing } from '../pairing';
import type { BatchShape } from '../specs';
import { gradientsProgram } from './gradients-program';

export class Recordings {
  private readonly ofTraining: ByShape<Program>;
  private readonly ofEntropies: ByShape<Program>;
  private readonly ofEvaluation: ByShape<Program>;
  private ofMeasures: { rows: number; program: Program } | undefined;

  /** @param inHostMemory whether they are computed there */
  constructor(
    private readonly pairing: Pairing,
    inHostMemory = true,
  ) {
    this.ofTraining = new ByShape((shape) => gradientsProgram(pairing, shape, inHostMemory));
    this.ofEntropies = new ByShape((shape) => studentEntropies(pairing.student, shape));
    this.ofEvaluation = new ByShape((shape) => evaluationProgram(pairing.student, shape));
  }

  gradients(shape: BatchShape): Program {
    return this.ofTraining.get(shape);
  }

  /** The student's, before positions are chosen. */
  entropies(shape: BatchShape): Program {
    return this.ofEntropies.get(shape);
  }

  /** The student's. */
  evaluation(shape: BatchShape): Program {
    return this.ofEvaluation.get(shape);
  }

  /** Of another pair, such as a student that is held against nobody, it is recorded anew. */
  measures(pair: ModelPair, rows: number): Program {
    const { student, teacher, ensemble } = measuredPair(this.pairing);
    const isOurs = pair.student === student && pair.teacher === teacher && pair.ensemble === ensemble;
    if (!isOurs) return measuringProgram(pair, rows);
    if (this.ofMeasures?.rows !== rows) this.ofMeasures = { rows, program: measuringProgram(pair, rows) };
    return this.ofMeasures.program;
  }
}
