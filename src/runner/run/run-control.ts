/** @file Stop and pause, as a person asks for them between two steps. */

export class RunControl {
  private readonly stopped = new AbortController();
  private readonly hurried = new AbortController();
  private resume: (() => void) | undefined;
  private pausedUntil: Promise<void> | undefined;
  private readonly finished: Promise<void>;
  private finish!: () => void;

  /** Brings what processes elsewhere have said into the run directory; absent where there are none. */
  fetchLogs: (() => Promise<void>) | undefined;

  private readonly listeners = new Set<() => void>();

  constructor(private readonly onPause: (paused: boolean) => void = () => undefined) {
    this.finished = new Promise((resolve) => (this.finish = resolve));
  }

  get stopping(): boolean {
    return this.stopped.signal.aborted;
  }

  get paused(): boolean {
    return this.pausedUntil !== undefined;
  }

  /** Ends waits for others: the run is to stop. */
  get stopSignal(): AbortSignal {
    return this.stopped.signal;
  }

  /** Ends the wait before the first step: the run is to stop, or to begin at once. */
  get waitSignal(): AbortSignal {
    return AbortSignal.any([this.stopped.signal, this.hurried.signal]);
  }

  /** Begins without waiting for its device. */
  runNow(): void {
    this.hurried.abort();
  }

  /** Asks the run to end after its present step; resolves when it has, its checkpoint on disk. */
  stop(): Promise<void> {
    this.stopped.abort();
    this.continue();
    this.tellListeners();
    return this.finished;
  }

  pause(): void {
    if (this.paused || this.stopping) return;
    this.pausedUntil = new Promise((resolve) => (this.resume = resolve));
    this.onPause(true);
    this.tellListeners();
  }

  continue(): void {
    if (!this.pausedUntil) return;
    this.pausedUntil = undefined;
    this.resume?.();
    this.onPause(false);
    this.tellListeners();
  }

  /** Calls `listener` whenever `stopping` or `paused` has changed, until what it gives is called. */
  listen(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  private tellListeners(): void {
    for (const listener of this.listeners) listener();
  }

  /** Waits here while paused. */
  async gate(): Promise<void> {
    await this.pausedUntil;
  }

  /** Tells whoever waits for the stop that everything is on disk. */
  settle(): void {
    this.finish();
  }
}
