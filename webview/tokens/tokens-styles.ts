/** @file Layout of the Tokens tab: three columns below T and above training time; beside an editor two, the list a click away; one when narrow. */

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
    grid-template:
      'list heading side' auto
      'list middle side' minmax(0, 1fr)
      'list dock dock' auto / 248px minmax(0, 1fr) 396px;
    height: 100%;
  }
  lab-examples {
    grid-area: list;
    border-right: 1px solid var(--rule);
  }
  .middle {
    display: flex;
    flex-direction: column;
    grid-area: middle;
    gap: 16px;
    min-width: 0;
    padding: 8px 16px;
    overflow: auto;
  }
  /* In two lines where one has no room for both: which example, and how it is seen. */
  .heading {
    display: flex;
    flex-wrap: wrap;
    align-items: flex-start;
    grid-area: heading;
    gap: 0 8px;
    min-width: 0;
    padding: 12px 16px 0;
    line-height: 24px;
  }
  .heading .to-list {
    display: none;
  }
  .heading > .number {
    min-width: 48px;
    text-align: center;
  }
  /* The line's number is at its end: what does not fit is cut off at its start. */
  .heading .source {
    flex: 1 1 56px;
    max-width: max-content;
    margin-right: 8px;
    overflow: hidden;
    direction: rtl;
    text-overflow: ellipsis;
    white-space: nowrap;
  }
  .heading .seen {
    display: flex;
    flex: 3 1 0;
    justify-content: flex-end;
    gap: inherit;
    min-width: max-content;
  }
  .heading lab-temperature {
    flex: 1;
    max-width: 320px;
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
    grid-area: side;
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
    grid-area: dock;
    border-top: 1px solid var(--rule);
    background: var(--vscode-editor-background);
  }
  @media (max-width: 1080px) {
    .tokens-view {
      grid-template-columns: 180px minmax(0, 1fr) 348px;
    }
    .heading {
      gap: 0 4px;
    }
    .heading .which {
      display: none;
    }
  }
  @media (max-width: 900px) {
    .tokens-view {
      grid-template:
        'heading heading' auto
        'middle side' minmax(0, 1fr)
        'dock dock' auto / minmax(0, 1fr) minmax(0, 1fr);
    }
    .heading {
      padding-bottom: 4px;
      border-bottom: 1px solid var(--rule);
    }
    .heading .to-list {
      display: inline-grid;
    }
    /* In the text's place, until an example is chosen. */
    lab-examples,
    .listing .middle {
      display: none;
    }
    .listing lab-examples {
      display: flex;
      grid-area: middle;
    }
    .middle,
    .side {
      padding: 8px 12px;
    }
  }
  @media (max-width: 640px) {
    /* Chips, then the distribution, then the drawings; T stays at the top, training time at the bottom. */
    .tokens-view {
      display: flex;
      flex-direction: column;
      gap: 12px;
      height: auto;
      min-height: 100%;
    }
    .middle {
      display: contents;
    }
    .middle > * {
      margin: 0 12px;
    }
    .listing .middle > * {
      display: none;
    }
    .listing lab-examples {
      max-height: 50vh;
      border-right: 0;
      border-bottom: 1px solid var(--rule);
    }
    .heading {
      position: sticky;
      z-index: 1;
      top: 0;
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
      border-top: 1px solid var(--rule);
      border-left: 0;
      overflow: visible;
    }
    figure h2 {
      flex-wrap: wrap;
    }
    .dock {
      position: sticky;
      bottom: 0;
      order: 3;
      margin-top: auto;
    }
  }
  /* Where all of the page scrolls: see app-styles. What stayed would lie over what is looked at. */
  @media (max-height: 440px), (max-width: 640px) and (max-height: 640px) {
    .heading,
    .dock {
      position: static;
    }
  }
`;
