/** @file The pointer on a chart: pointing, brushing a stretch to zoom, wheel, a click on a curve. */

import type { ReactiveController, ReactiveControllerHost } from 'lit';
import { PickEvent, PointEvent, ZoomEvent } from './chart-events';
import { pan, zoomAbout } from './zoom';

/** Pixels from which on a press that moves is a brush. */
const brushFrom = 5;

interface Chart extends ReactiveControllerHost, EventTarget {
  /** Draws what stands above the curves again. */
  redrawOverlay(): void;
  range: readonly [number, number];
  end: number;
  /** The run whose curve is at a place of the overlay, in pixels. */
  runAt(x: number, y: number): string | undefined;
}

export class ChartPointer implements ReactiveController {
  /** The stretch that is being brushed, in pixels. */
  brush: [number, number] | undefined;
  #pressed: number | undefined;

  constructor(private readonly chart: Chart) {
    chart.addController(this);
  }

  hostDisconnected(): void {
    this.#pressed = this.brush = undefined;
  }

  readonly down = (event: PointerEvent): void => {
    if (event.button !== 0) return;
    (event.currentTarget as Element).setPointerCapture(event.pointerId);
    this.#pressed = pointerPosition(event).x;
  };

  readonly move = (event: PointerEvent): void => {
    const { x, width } = pointerPosition(event);
    if (this.#pressed !== undefined && Math.abs(x - this.#pressed) > brushFrom) {
      const [a, b] = [this.#pressed, x].map((edge) => Math.min(width, Math.max(0, edge)));
      this.brush = [Math.min(a!, b!), Math.max(a!, b!)];
      this.chart.redrawOverlay();
      return;
    }
    this.chart.dispatchEvent(new PointEvent(this.#value(x, width)));
  };

  readonly up = (event: PointerEvent): void => {
    const { x, y, width } = pointerPosition(event);
    const { brush } = this;
    const pressed = this.#pressed;
    this.#pressed = this.brush = undefined;
    if (brush) this.chart.dispatchEvent(new ZoomEvent([this.#value(brush[0], width), this.#value(brush[1], width)]));
    else if (pressed !== undefined) this.chart.dispatchEvent(new PickEvent(this.chart.runAt(x, y)));
    this.chart.redrawOverlay();
  };

  readonly reset = (): void => void this.chart.dispatchEvent(new ZoomEvent(undefined));

  /** With Ctrl (or by pinching) it zooms, with Shift or sideways it moves; else the page scrolls. */
  readonly wheel = (event: WheelEvent): void => {
    const { x, width } = pointerPosition(event);
    const { range, end } = this.chart;
    const sideways = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
    if (event.ctrlKey || event.metaKey) {
      const factor = Math.exp(Math.max(-1, Math.min(1, event.deltaY / 200)));
      this.chart.dispatchEvent(new ZoomEvent(zoomAbout(range, end, this.#value(x, width), factor)));
    } else if (Math.abs(sideways) > Math.abs(event.shiftKey ? 0 : event.deltaY)) {
      if (range[1] - range[0] >= end) return;
      this.chart.dispatchEvent(new ZoomEvent(pan(range, end, sideways / width)));
    } else {
      return;
    }
    event.preventDefault();
  };

  #value(x: number, width: number): number {
    const [from, to] = this.chart.range;
    return from + Math.min(1, Math.max(0, x / width)) * (to - from);
  }
}

function pointerPosition(event: MouseEvent): { x: number; y: number; width: number } {
  const box = (event.currentTarget as Element).getBoundingClientRect();
  return { x: event.clientX - box.left, y: event.clientY - box.top, width: box.width };
}
