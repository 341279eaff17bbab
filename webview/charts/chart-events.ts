/** @file What a person does on a chart over training time, in the values of its axis. */

/** Points at a place of the axis. */
export class PointEvent extends CustomEvent<number> {
  constructor(x: number) {
    super('point', { detail: x });
  }
}

/** Wants to see this stretch of the axis; undefined: all of it. */
export class ZoomEvent extends CustomEvent<[number, number] | undefined> {
  constructor(range: [number, number] | undefined) {
    super('zoom', { detail: range });
  }
}

/** Clicks on a curve of this run; undefined: beside all curves. */
export class PickEvent extends CustomEvent<string | undefined> {
  constructor(run: string | undefined) {
    super('pick', { detail: run });
  }
}

declare global {
  interface HTMLElementEventMap {
    point: PointEvent;
    zoom: ZoomEvent;
    pick: PickEvent;
  }
}
