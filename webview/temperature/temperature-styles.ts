/** @file Layout of the Temperature tab: the token at the left, the slider and what hangs below it at the right; one below the other when narrow. */

import { css } from 'lit';
import { chartLeft, chartRight, narrowRight } from './curve-drawing';

export const temperatureStyles = css`
  :host {
    display: block;
    height: 100%;
  }
  /* Each column scrolls on its own: the distribution stays where it is while one looks at the curves and drags T. */
  .temperature-view {
    display: grid;
    grid-template: minmax(0, 1fr) / 400px minmax(0, 1fr);
    height: 100%;
  }
  .token {
    display: flex;
    flex-direction: column;
    gap: 14px;
    min-width: 0;
    padding: 12px 16px 16px;
    border-right: 1px solid var(--rule);
    overflow: auto;
  }
  /* What is judged: of a long text its beginning. */
  .words {
    display: -webkit-box;
    overflow: hidden;
    margin-top: -10px;
    font-size: 14px;
    overflow-wrap: anywhere;
    -webkit-box-orient: vertical;
    -webkit-line-clamp: 3;
  }
  .which {
    display: flex;
    justify-content: space-between;
    gap: 8px;
    margin-top: -10px;
  }
  .reads {
    display: grid;
    grid-template-columns: repeat(4, auto);
    align-items: end;
    justify-content: space-between;
    gap: 8px 12px;
  }
  .reads output {
    display: inline-block;
    min-width: 56px;
    font-size: 24px;
    font-weight: 600;
    line-height: 28px;
  }
  /* As high for each T, so that nothing below it moves. */
  .why {
    min-height: 48px;
  }
  .curves {
    display: flex;
    flex-direction: column;
    gap: 14px;
    min-width: 0;
    padding: 0 16px 16px;
    overflow: auto;
  }
  /* The slider's track is as wide as the charts below it: its thumb's middle runs from 8 px to the width less 8 px. */
  .slider {
    position: sticky;
    z-index: 1;
    top: 0;
    margin: 0 -16px;
    padding: 12px calc(${chartRight}px + 8px) 0 calc(${chartLeft}px - 8px + 16px);
    background: var(--vscode-editor-background);
  }
  .tight .slider {
    padding-right: calc(${narrowRight}px - 8px + 16px);
  }
  .no-sweep {
    display: grid;
    justify-items: start;
    gap: 8px;
    max-width: 72ch;
  }
  .segments {
    align-self: flex-end;
  }
  @media (max-width: 1080px) {
    .temperature-view {
      grid-template-columns: 340px minmax(0, 1fr);
    }
    .token {
      gap: 10px;
      padding: 8px 12px 12px 16px;
    }
    .which {
      margin-top: -8px;
    }
  }
  @media (max-width: 900px) {
    .temperature-view {
      grid-template-columns: minmax(0, 1fr) minmax(0, 1fr);
    }
  }
  @media (max-width: 640px) {
    /* The slider, which stays, then the distribution that it changes, then the curves. */
    .temperature-view {
      display: flex;
      flex-direction: column;
      gap: 14px;
      height: auto;
      padding-bottom: 12px;
    }
    .curves {
      display: contents;
    }
    .curves > * {
      order: 2;
      margin: 0 12px;
    }
    .curves > .slider {
      order: 0;
      margin: 0;
      padding: 4px calc(${narrowRight}px - 8px + 12px) 0 calc(${chartLeft}px - 8px + 12px);
    }
    .token {
      order: 1;
      padding: 0 12px;
      border-right: 0;
      overflow: visible;
    }
  }
`;
