/** @file Tells the Lab's page of a run's probes as they come to be. */

import { probeSteps, readProbeExamples, readTeacherProbe } from '../../run-directory/probes';
import type { RunPaths } from '../../run-directory/run-paths';
import { withAbsoluteFiles } from '../../run-directory/workspace-paths';
import type { HostEvent } from '../../protocol/panel';

export class ProbeFeed {
  /** Steps that the page knows of; undefined before it was sent the examples. */
  #told: number[] | undefined;
  #looking = false;

  constructor(
    private readonly paths: RunPaths,
    private readonly post: (event: HostEvent) => void,
  ) {}

  /** The page has begun anew and knows nothing. */
  forget(): void {
    this.#told = undefined;
  }

  /** Sends what the page does not know yet. Cheap where nothing is new: one listing of the folder. */
  async look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    try {
      const steps = await probeSteps(this.paths.probes);
      if (this.#told === undefined) await this.#sendExamples(steps);
      else if (steps.length !== this.#told.length) this.post({ type: 'probeSteps', id: this.paths.id, steps });
      if (this.#told) this.#told = steps;
    } catch (error) {
      this.post({ type: 'error', message: error instanceof Error ? error.message : String(error) });
    } finally {
      this.#looking = false;
    }
  }

  async #sendExamples(steps: number[]): Promise<void> {
    const examples = await readProbeExamples(this.paths.probes);
    const teacher = await readTeacherProbe(this.paths.probes);
    if (!examples || !teacher) return;
    this.#told = steps;
    const absolute = { ...examples, examples: withAbsoluteFiles(this.paths, examples.examples) };
    this.post({ type: 'probes', id: this.paths.id, probes: { examples: absolute, teacher, steps } });
  }
}
