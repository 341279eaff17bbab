/** @file Layout of the Tokens tab: three columns and a dock, two columns when medium, one when narrow. */

import { css } from 'lit';
import { chipStyles } from './chips';
import { plainTextStyles } from './plain-text';
import { positionTitleStyles } from './position-title';

export const tokenStyles = css`
  ${chipStyles}
  ${plainTextStyles}
  ${positionTitleStyles}
  :host {
    display: block;
    height: 100%;
  }
  .tokens-view {
    display: grid;
    grid-template-rows: minmax(0, 1fr) auto;
    grid-template-columns: 248px minmax(0, 1fr) 396px;
    height: 100%;
  }
  lab-examples {
    grid-row: 1 / 3;
    border-right: 1px solid var(--rule);
  }
  .middle {
    display: flex;
    flex-direction: column;
    gap: 16px;
    min-width: 0;
    padding: 12px 16px 8px;
    overflow: auto;
  }
  .heading {
    display: flex;
    align-items: flex-start;
    gap: 8px;
    line-height: 24px;
  }
  .heading > .number {
    min-width: 48px;
    text-align: center;
  }
  .heading .source {
    min-width: 64px;
    overflow: hidden;
    margin-right: 16px;
    text-overflow: ellipsis;
    white-space: nowrap;
  }
  .heading lab-temperature {
    flex: 1 1 240px;
    max-width: 320px;
    margin-left: auto;
  }
  .heading .which {
    line-height: 24px;
    flex: none;
    min-width: 68px;
  }
  figure h2 {
    margin-bottom: 4px;
  }
  figure .now {
    color: var(--vscode-foreground);
  }
  .clickable {
    cursor: pointer;
  }
  .table {
    max-height: 320px;
  }
  .side {
    display: flex;
    flex-direction: column;
    gap: 12px;
    min-width: 0;
    padding: 12px 16px 8px;
    border-left: 1px solid var(--rule);
    overflow: auto;
  }
  .besides.dock {
    padding: 12px 16px;
  }
  .dock {
    grid-column: 2 / 4;
    border-top: 1px solid var(--rule);
    background: var(--vscode-editor-background);
  }
  @media (max-width: 1080px) {
    .tokens-view {
      grid-template-rows: auto auto 1fr auto;
      grid-template-columns: 200px minmax(0, 1fr);
      height: auto;
      min-height: 100%;
    }
    lab-examples {
      grid-row: 1 / 5;
    }
    .side {
      border-top: 1px solid var(--rule);
      border-left: 0;
      overflow: visible;
    }
    .middle {
      overflow: visible;
    }
    .dock {
      position: sticky;
      bottom: 0;
      grid-row: 4;
      grid-column: 2;
    }
  }
  @media (max-width: 640px) {
    /* Chips, then the distribution, then the drawings; T stays at the top, training time at the bottom. */
    .tokens-view {
      display: flex;
      flex-direction: column;
      gap: 12px;
    }
    .middle {
      display: contents;
    }
    .middle > * {
      margin: 0 12px;
    }
    .middle > .heading {
      position: sticky;
      z-index: 1;
      top: 0;
      gap: 4px;
      margin: 0;
      padding: 6px 12px 4px;
      background: var(--vscode-editor-background);
    }
    .middle > figure {
      order: 2;
    }
    .side {
      order: 1;
      padding: 12px;
    }
    figure h2 {
      flex-wrap: wrap;
    }
    .dock {
      order: 3;
      margin-top: auto;
    }
  }
`;
