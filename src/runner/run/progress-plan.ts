/** @file How far a whole run is, and how long it will still take, from how far its present training is. */

import type { Role } from '../../protocol/records';

/** A part of a run: the training of a role, asking the teacher for answers to keep, or the final comparison. */
type Part = Role | 'answers' | 'comparison';

interface PlannedPart {
  part: Part;
  /** Which of several seeds, or of an ensemble's members, from 1. */
  number: number;
  steps: number;
  /** Relative work of one step. */
  work: number;
}

/** Parts are worked through in the order in which they were added; a part may come more than once, with other numbers. */
export class ProgressPlan {
  private readonly parts: PlannedPart[] = [];
  /** When and at which fraction this process began to train. */
  private origin: { time: number; fraction: number } | undefined;

  get isEmpty(): boolean {
    return this.parts.length === 0;
  }

  add(part: Part, steps: number, work: number, number = 1): void {
    this.parts.push({ part, number, steps, work });
  }

  /** A part that turns out to be none of its own: what it would take, others take. */
  leaveOut(part: Part, number = 1): void {
    for (const one of this.parts) if (one.part === part && one.number === number) one.steps = 0;
    this.origin = undefined;
  }

  at(part: Part, step: number, number = 1): { fraction: number; secondsLeft?: number } {
    const fraction = this.fractionAt(part, number, step);
    this.origin ??= { time: performance.now(), fraction };
    const done = fraction - this.origin.fraction;
    const seconds = (performance.now() - this.origin.time) / 1000;
    // An estimate from the first moments would be wild.
    return done > 0.01 && seconds > 2 ? { fraction, secondsLeft: (seconds * (1 - fraction)) / done } : { fraction };
  }

  private fractionAt(name: Part, number: number, step: number): number {
    const total = this.parts.reduce((sum, part) => sum + part.steps * part.work, 0);
    let before = 0;
    for (const part of this.parts) {
      if (part.part === name && part.number === number) return total === 0 ? 0 : (before + step * part.work) / total;
      before += part.steps * part.work;
    }
    return 0;
  }
}
