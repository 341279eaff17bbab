/** @file Layout of the Temperature tab: the token at the left, the slider and what hangs below it at the right. */

import { css } from 'lit';
import { chartLeft, chartRight } from './curve-drawing';

export const temperatureStyles = css`
  :host {
    display: block;
    height: 100%;
  }
  .temperature-view {
    display: grid;
    grid-template-columns: 400px minmax(0, 1fr);
    min-height: 100%;
  }
  .token {
    display: flex;
    flex-direction: column;
    gap: 14px;
    min-width: 0;
    padding: 12px 16px 16px;
    border-right: 1px solid var(--rule);
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
  .big {
    display: flex;
    align-items: center;
    gap: 24px;
  }
  .big p:first-child {
    display: grid;
  }
  .big output {
    min-width: 72px;
    font-size: 24px;
    font-weight: 600;
    line-height: 32px;
  }
  .reads {
    display: grid;
    grid-template-columns: repeat(3, 1fr);
    gap: 8px 12px;
  }
  .curves {
    display: flex;
    flex-direction: column;
    gap: 14px;
    min-width: 0;
    padding: 8px 16px 16px;
  }
  /* The slider's track is as wide as the charts below it: its thumb's middle runs from 8 px to the width less 8 px. */
  .slider {
    position: sticky;
    z-index: 1;
    top: 0;
    margin: 0 -16px;
    padding: 4px calc(${chartRight}px + 8px) 0 calc(${chartLeft}px - 8px + 16px);
    background: var(--vscode-editor-background);
  }
  .segments {
    align-self: flex-end;
  }
  @media (max-width: 1080px) {
    .temperature-view {
      grid-template-columns: minmax(0, 1fr);
    }
    .token {
      border-right: 0;
      border-top: 1px solid var(--rule);
      order: 2;
    }
  }
  @media (max-width: 640px) {
    .curves,
    .token {
      padding: 8px 12px 12px;
    }
    .slider {
      margin: 0 -12px;
      padding: 4px 16px 0 calc(${chartLeft}px - 8px + 12px);
    }
  }
`;
