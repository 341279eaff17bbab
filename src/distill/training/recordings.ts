/** @file The programs of one training, each recorded once: its memory is foretold from the very programs that it then runs. */

import type { Program } from '../../engine/graph/program';
import { ByShape } from '../batch-inputs';
import { studentEntropies } from '../entropies';
import { evaluationProgram } from '../evaluation/evaluation-program';
import type { ModelPair, Pairing } from '../pairing';
import type { BatchShape } from '../specs';
import { gradientsProgram } from './gradients-program';

export class Recordings {
  private readonly ofTraining: ByShape<Program>;
  private readonly ofEntropies: ByShape<Program>;
  private readonly ofEvaluation: ByShape<Program>;

  /** @param inHostMemory whether they are computed there */
  constructor(
    private readonly pairing: Pairing,
    inHostMemory = true,
  ) {
    this.ofTraining = new ByShape((shape) => gradientsProgram(pairing, shape, inHostMemory));
    this.ofEntropies = new ByShape((shape) => studentEntropies(pairing.student, shape));
    this.ofEvaluation = new ByShape((shape) => evaluationProgram(pairing, shape));
  }

  gradients(shape: BatchShape): Program {
    return this.ofTraining.get(shape);
  }

  /** The student's, before positions are chosen. */
  entropies(shape: BatchShape): Program {
    return this.ofEntropies.get(shape);
  }

  /** Of another pair, such as a student that is held against nobody, it is recorded anew. */
  evaluation(pair: ModelPair, shape: BatchShape): Program {
    const { student, teacher, ensemble } = this.pairing;
    const isOurs = pair.student === student && pair.teacher === teacher && pair.ensemble === ensemble;
    return isOurs ? this.ofEvaluation.get(shape) : evaluationProgram(pair, shape);
  }
}
