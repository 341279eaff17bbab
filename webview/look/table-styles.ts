/** @file What tables of data share. */

import { css } from 'lit';

export const tableStyles = css`
  table.data {
    width: 100%;
    border-collapse: collapse;
    font-variant-numeric: tabular-nums;
  }
  table.data caption {
    padding: 0 0 8px;
    color: var(--muted);
    font-size: 11px;
    line-height: 16px;
    text-align: left;
  }
  /* As wide as what is seen of a table that scrolls, and in sight while it does. */
  table.data caption > span {
    position: sticky;
    left: 0;
    display: block;
    width: fit-content;
    max-width: 100cqi;
  }
  table.data th {
    padding: 0 0 4px 16px;
    border-bottom: 1px solid var(--rule);
    color: var(--muted);
    font-size: 11px;
    font-weight: 400;
    line-height: 16px;
    text-align: right;
    vertical-align: bottom;
    white-space: nowrap;
  }
  table.data td {
    height: 24px;
    padding: 0 0 0 16px;
    border-bottom: 1px solid var(--grid);
    text-align: right;
    white-space: nowrap;
  }
  table.data th:first-child,
  table.data td:first-child {
    padding-left: 0;
    text-align: left;
  }
  /* What a row is of reads like its values, on their line. */
  table.data tbody th {
    padding-bottom: 0;
    border-bottom-color: var(--grid);
    color: inherit;
    font-size: inherit;
    line-height: inherit;
    vertical-align: middle;
  }
  table.data tbody tr:hover :is(td, th) {
    background: var(--vscode-list-hoverBackground);
  }
`;

/** For a component that is one table of numbers. */
export const numberTable = css`
  :host {
    display: block;
    min-width: 0;
  }
  table {
    width: 100%;
    border-collapse: collapse;
    font-variant-numeric: tabular-nums;
  }
  th {
    padding: 4px 0 4px 8px;
    color: var(--muted);
    font-size: 11px;
    font-weight: 400;
    text-align: right;
  }
`;
