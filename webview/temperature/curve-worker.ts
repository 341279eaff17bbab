/** @file Works the curves over T out in slices of time, once for each token and probe, so that dragging stays smooth. */

import type { ReactiveController, ReactiveControllerHost } from 'lit';
import type { LabelKind } from '../../src/protocol/records';
import { curveSet, type CurveSet, type LogitPair } from './curve-set';

/** Milliseconds of work before the page gets a turn. */
const slice = 8;

export class CurveWorker implements ReactiveController {
  curves: CurveSet | undefined;
  #wanted: readonly unknown[] = [];

  constructor(private readonly host: ReactiveControllerHost) {
    host.addController(this);
  }

  hostDisconnected(): void {
    this.#wanted = [];
  }

  /** Sees to it that the curves fit what `key` names. */
  want(key: readonly unknown[], pairs: () => LogitPair[], labels: LabelKind): void {
    if (key.length === this.#wanted.length && key.every((part, i) => part === this.#wanted[i])) return;
    this.#wanted = key;
    void this.#work(key, pairs(), labels);
  }

  async #work(key: readonly unknown[], pairs: readonly LogitPair[], labels: LabelKind): Promise<void> {
    let begun = performance.now();
    const breathe = async (): Promise<boolean> => {
      if (performance.now() - begun > slice) {
        await new Promise((resolve) => setTimeout(resolve));
        begun = performance.now();
      }
      return key === this.#wanted;
    };
    const curves = await curveSet(pairs, breathe, labels);
    if (!curves) return;
    this.curves = curves;
    this.host.requestUpdate();
  }
}
