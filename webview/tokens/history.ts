/** @file Divergences that are worked out once and kept: for the chosen example now, for all probes a little later. */

import type { ReactiveController, ReactiveControllerHost } from 'lit';
import type { Probes } from '../state/state';
import { summarize, type ExampleSummary } from './divergence';
import type { Recorded } from './drawings';
import { isPerToken } from '../../src/protocol/tasks';

/** Summaries kept before the store is emptied. */
const kept = 4000;

/** Milliseconds that what needs all probes waits while a slider is dragged. */
const patience = 60;

/** Milliseconds of work before the page gets a turn. */
const slice = 12;

/** Logits of an example that can be compared within a frame, beside the chosen position's own. */
const affordable = 200_000;

/** Everything that needs every probe or every example, at one temperature. */
interface Survey {
  /** The chosen example at each probe in the page. */
  recorded: Recorded[];
  /** Mean over the example's positions, or for classes over all pinned rows, by step. */
  means: Map<number, number>;
  /** Every example at the latest probe and the temperature that is chosen. */
  latest: (ExampleSummary | undefined)[];
}

const nothingYet: Survey = { recorded: [], means: new Map(), latest: [] };

export class History implements ReactiveController {
  survey: Survey = nothingYet;
  readonly #host: ReactiveControllerHost;
  #store = new Map<string, ExampleSummary>();
  #probes: Probes | undefined;
  #wanted = '';
  #timer: ReturnType<typeof setTimeout> | undefined;
  #soon: ReturnType<typeof setTimeout> | undefined;
  #last: { key: string; summary: ExampleSummary } | undefined;

  constructor(host: ReactiveControllerHost) {
    this.#host = host;
    host.addController(this);
  }

  hostDisconnected(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#soon);
    this.#wanted = '';
  }

  /** Divergences of one example at one probe; undefined while that probe is not in the page. */
  at(probes: Probes, example: number, step: number, temperature: number): ExampleSummary | undefined {
    if (this.#probes?.set.teacher !== probes.set.teacher) {
      this.#store.clear();
      this.survey = nothingYet;
    }
    this.#probes = probes;
    const key = `${example}/${step}/${temperature}`;
    const found = this.#store.get(key);
    if (found) return found;
    const student = probes.student.get(step)?.[example];
    const teacher = probes.set.teacher[example];
    if (!student || !teacher) return undefined;
    const { examples, names, labels } = probes.set.examples;
    const made = summarize(examples[example]!, teacher, student, names, temperature, labels);
    if (this.#store.size >= kept) this.#store.clear();
    this.#store.set(key, made);
    return made;
  }

  /**
   * As `at` where that is quick; else what was last said of the example at that probe, and the right one a little later: a
   * dragged slider does not wait for the chips of a large vocabulary.
   */
  atSoon(probes: Probes, example: number, step: number, temperature: number): ExampleSummary | undefined {
    const key = `${example}/${step}`;
    const positions = probes.set.examples.examples[example]?.positions.length ?? 0;
    const isQuick = positions * probes.set.examples.names.length <= affordable;
    const last = this.#last?.key === key && this.#probes?.set.teacher === probes.set.teacher ? this.#last : undefined;
    clearTimeout(this.#soon);
    if (isQuick || !last || this.#store.has(`${key}/${temperature}`)) {
      const summary = this.at(probes, example, step, temperature);
      this.#last = summary && { key, summary };
      return summary;
    }
    this.#soon = setTimeout(() => {
      this.at(probes, example, step, temperature);
      this.#host.requestUpdate();
    }, patience);
    return last.summary;
  }

  /** Sees to it that the survey fits the example and temperature soon; the host is updated then. */
  want(probes: Probes, example: number, temperature: number): void {
    const wanted = [example, temperature, [...probes.student.keys()].join(), probes.set.steps.length].join('/');
    if (wanted === this.#wanted) return;
    this.#wanted = wanted;
    clearTimeout(this.#timer);
    const work = (): void => void this.#work(wanted, probes, example, temperature);
    this.#timer = setTimeout(work, this.survey === nothingYet ? 0 : patience);
  }

  async #work(wanted: string, probes: Probes, example: number, temperature: number): Promise<void> {
    const steps = probes.set.steps.filter((step) => probes.student.has(step));
    const { examples, task } = probes.set.examples;
    const classes = !isPerToken(task);
    const survey: Survey = { recorded: [], means: new Map(), latest: [] };
    let begun = performance.now();
    /** False when something else is wanted by now. */
    const breathe = async (): Promise<boolean> => {
      if (performance.now() - begun > slice) {
        await new Promise((resolve) => setTimeout(resolve));
        begun = performance.now();
      }
      return wanted === this.#wanted;
    };
    for (const step of steps) {
      const summary = this.at(probes, example, step, temperature);
      if (summary) survey.recorded.push({ step, summary });
      const rows = classes ? examples.map((_, i) => this.at(probes, i, step, temperature)) : [summary];
      const means = rows.flatMap((row) => (row ? [row.mean] : []));
      survey.means.set(step, means.reduce((a, b) => a + b, 0) / Math.max(1, means.length));
      if (!(await breathe())) return;
    }
    for (let i = 0; i < examples.length; i++) {
      survey.latest[i] = this.at(probes, i, steps.at(-1) ?? -1, temperature);
      if (!(await breathe())) return;
    }
    this.survey = survey;
    this.#host.requestUpdate();
  }
}
