/** @file The page's look, which all components share. */

import { css, type CSSResultGroup, unsafeCSS } from 'lit';
import { imitationNames } from '../../src/protocol/imitation';
import { failedStyles } from './failed';
import { plotStyles, sliderStyles } from './plot-styles';
import { tableStyles } from './table-styles';

const imitationInks = unsafeCSS(imitationNames.map((name) => `.ink-${name} { color: var(--${name}); }`).join(' '));

/** Type, controls, marks. */
const base = css`
  *,
  *::before,
  *::after {
    box-sizing: border-box;
  }
  :host {
    color: var(--vscode-foreground);
    font: var(--vscode-font-size, 13px) / 20px var(--vscode-font-family);
  }
  :host([hidden]),
  [hidden] {
    display: none !important;
  }
  button,
  input {
    font: inherit;
    color: inherit;
  }
  h1,
  h2,
  p,
  figure,
  table,
  dl,
  dd,
  ol {
    margin: 0;
    padding: 0;
    font: inherit;
  }
  .muted {
    color: var(--muted);
  }
  .small {
    font-size: 11px;
    line-height: 16px;
  }
  .strong {
    font-weight: 600;
  }
  .number {
    font-variant-numeric: tabular-nums;
    white-space: nowrap;
  }
  .mono {
    font-family: var(--vscode-editor-font-family, monospace);
    font-size: 12px;
  }
  .spacer {
    flex: 1;
  }
  .spoken {
    position: absolute;
    width: 1px;
    height: 1px;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
  }
  .link {
    padding: 0;
    border: 0;
    background: none;
    color: var(--vscode-textLink-foreground);
    cursor: pointer;
    text-align: left;
  }
  .link:hover {
    text-decoration: underline;
  }
  :focus-visible {
    outline: 1px solid var(--vscode-focusBorder);
    outline-offset: 1px;
  }
  .icon {
    display: inline-block;
    width: 16px;
    height: 16px;
    flex: none;
    vertical-align: -3px;
  }
  .icon svg {
    display: block;
  }
  .icon-button {
    display: inline-grid;
    place-items: center;
    width: 24px;
    height: 24px;
    flex: none;
    padding: 0;
    border: 1px solid transparent;
    border-radius: 4px;
    background: none;
    color: var(--vscode-icon-foreground);
    cursor: pointer;
  }
  .icon-button:hover {
    background: var(--vscode-toolbar-hoverBackground);
  }
  .icon-button[aria-pressed='true'] {
    background: var(--vscode-inputOption-activeBackground);
    border-color: var(--vscode-inputOption-activeBorder);
    color: var(--vscode-inputOption-activeForeground);
  }
  .chip {
    display: inline-flex;
    align-items: center;
    gap: 6px;
    height: 22px;
    padding: 0 8px;
    border: 1px solid var(--vscode-input-border, var(--rule));
    border-radius: 11px;
    background: none;
    color: var(--vscode-foreground);
    font-size: 12px;
    line-height: 16px;
    white-space: nowrap;
    cursor: pointer;
  }
  .chip[aria-pressed='true'] {
    background: var(--vscode-inputOption-activeBackground);
    border-color: var(--vscode-inputOption-activeBorder);
    box-shadow: inset 0 0 0 var(--bar-edge) var(--vscode-inputOption-activeBorder);
    color: var(--vscode-inputOption-activeForeground);
  }
  .chip .number {
    opacity: 0.8;
  }
  .swatch {
    width: 10px;
    height: 10px;
    flex: none;
    vertical-align: -1px;
    overflow: visible;
  }
  .mark {
    stroke-width: 1.4;
  }
  .mark.teacher {
    fill: var(--teacher);
  }
  .mark.student {
    fill: var(--student);
    stroke: var(--student);
  }
  .mark.control {
    stroke: var(--control);
  }
  .mark.label {
    fill: var(--label);
  }
  .mark.open {
    fill: var(--vscode-editor-background);
  }
  .ink-teacher {
    color: var(--teacher);
  }
  .ink-student {
    color: var(--student);
  }
  .ink-label,
  .ink-hard {
    color: var(--label);
  }
  .ink-soft {
    color: var(--soft);
  }
  .ink-ownSoft {
    color: var(--ownSoft);
  }
  ${imitationInks}
  .statistic dt {
    color: var(--muted);
    font-size: 11px;
    line-height: 16px;
    white-space: nowrap;
  }
  .statistic dd {
    font-variant-numeric: tabular-nums;
    line-height: 20px;
    white-space: nowrap;
  }
  .statistic b {
    font-weight: 600;
  }
  figure h2 {
    position: relative;
    display: flex;
    flex-wrap: wrap;
    align-items: baseline;
    gap: 0 8px;
    font-size: 12px;
    font-weight: 600;
    line-height: 16px;
  }
  figure h2 .value {
    margin-left: auto;
    font-weight: 400;
    white-space: nowrap;
  }
  /* It stands at the end of the title's first line and does not make it higher, however many lines follow. */
  figure h2:has(lab-save) {
    padding-right: 28px;
  }
  h2 lab-save {
    position: absolute;
    top: -4px;
    right: 0;
  }
  /* It says what a number is of: it goes on in the next line rather than being cut. */
  .note {
    min-width: 0;
    color: var(--muted);
    font-size: 11px;
    font-weight: 400;
    line-height: 16px;
  }
  /* What goes on beyond the right edge casts a shadow there, which the content's own end covers. */
  .scroll {
    container-type: inline-size;
    overflow: auto;
    background:
      linear-gradient(to left, var(--vscode-editor-background) 50%, transparent) right / 32px 100% no-repeat local,
      linear-gradient(to left, var(--vscode-scrollbar-shadow, var(--rule)), transparent) right / 10px 100% no-repeat
        scroll;
  }
  .segments {
    display: inline-flex;
    height: 26px;
    margin: 0;
    padding: 0;
    border: 1px solid var(--vscode-input-border, var(--rule));
    border-radius: 2px;
    background: var(--vscode-input-background);
  }
  .segments label {
    display: inline-flex;
    align-items: center;
    white-space: nowrap;
    position: relative;
    padding: 0 10px;
    cursor: pointer;
  }
  .segments label + label {
    border-left: 1px solid var(--vscode-input-border, var(--rule));
  }
  .segments input {
    position: absolute;
    inset: 0;
    width: auto;
    margin: 0;
    appearance: none;
    cursor: pointer;
    outline-offset: 2px;
  }
  .segments label:has(input:checked) {
    background: var(--vscode-inputOption-activeBackground);
    color: var(--vscode-inputOption-activeForeground);
    box-shadow: inset 0 0 0 1px var(--vscode-inputOption-activeBorder);
  }
  .waiting {
    max-width: 480px;
    margin: 0 auto;
    padding: 48px 16px;
    color: var(--muted);
    text-align: center;
  }
`;

/** For every component. */
export const shared: CSSResultGroup = [base, plotStyles, sliderStyles, tableStyles, failedStyles];
