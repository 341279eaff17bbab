/** @file The page's look: colour roles from the theme's variables, and what all components share. No colour of our own. */

import { css } from 'lit';

/**
 * For the document. Roles are custom properties, which reach into every component's shadow; a theme's kind is told by the
 * classes that VS Code puts on the body. Mixing in some foreground lifts a hue's contrast in dark and light themes alike.
 */
export const roles = css`
  html,
  body {
    height: 100%;
  }
  body {
    margin: 0;
    padding: 0;
    background: var(--vscode-editor-background);
    --teacher: color-mix(in srgb, var(--vscode-charts-blue) 92%, var(--vscode-charts-foreground));
    /* charts-orange is half transparent in the built-in themes and absent in some; this orange is neither. */
    --orange: var(--vscode-symbolIcon-classForeground, var(--vscode-charts-orange));
    --student: color-mix(in srgb, var(--orange) 88%, var(--vscode-charts-foreground));
    --label: var(--vscode-charts-green);
    --control: color-mix(in srgb, var(--vscode-charts-foreground) 66%, transparent);
    --total: var(--vscode-charts-foreground);
    --background: var(--vscode-editor-background);
    --foreground: var(--vscode-foreground);
    --soft: var(--vscode-charts-purple);
    --hard: var(--label);
    --hidden: var(--vscode-charts-yellow);
    --attention: var(--vscode-charts-red);
    --heat: var(--vscode-charts-purple);
    --grid: color-mix(in srgb, var(--vscode-charts-lines) 28%, transparent);
    --axis: color-mix(in srgb, var(--vscode-charts-foreground) 50%, transparent);
    --muted: color-mix(in srgb, var(--vscode-descriptionForeground) 92%, transparent);
    --rule: var(--vscode-panel-border, var(--vscode-widget-border, var(--grid)));
    --heat-1: 12%;
    --heat-2: 22%;
    --heat-3: 34%;
    --heat-4: 46%;
    --student-bar: var(--student);
    --bar-edge: 0px;
  }
  body.vscode-light {
    --student: color-mix(in srgb, var(--orange) 66%, var(--vscode-charts-foreground));
    --label: color-mix(in srgb, var(--vscode-charts-green) 88%, var(--vscode-charts-foreground));
    --hidden: color-mix(in srgb, var(--vscode-charts-yellow) 62%, var(--vscode-charts-foreground));
    --control: color-mix(in srgb, var(--vscode-charts-foreground) 74%, transparent);
    --axis: color-mix(in srgb, var(--vscode-charts-foreground) 62%, transparent);
    --muted: color-mix(in srgb, var(--vscode-descriptionForeground) 84%, transparent);
    --heat-1: 10%;
    --heat-2: 19%;
    --heat-3: 29%;
    --heat-4: 40%;
  }
  body.vscode-high-contrast {
    --student: color-mix(in srgb, var(--orange) 72%, var(--vscode-charts-foreground));
    --control: var(--vscode-charts-foreground);
    --grid: color-mix(in srgb, var(--vscode-charts-lines) 50%, transparent);
    --axis: var(--vscode-charts-foreground);
    --muted: var(--vscode-foreground);
    --rule: var(--vscode-contrastBorder);
    --heat-1: 18%;
    --heat-2: 30%;
    --heat-3: 44%;
    --heat-4: 60%;
    --student-bar: repeating-linear-gradient(90deg, var(--student) 0 2px, transparent 2px 4px);
    --bar-edge: 1px;
  }
`;

/** For every component: type, controls, marks, plots. */
export const shared = css`
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
  h3,
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
    width: 16px;
    height: 16px;
    flex: none;
    vertical-align: -3px;
    fill: none;
    stroke: currentColor;
    stroke-width: 1.2;
    stroke-linecap: round;
    stroke-linejoin: round;
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
  .ink-hidden {
    color: var(--hidden);
  }
  .ink-attention {
    color: var(--attention);
  }
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
  figure h3 {
    display: flex;
    align-items: baseline;
    gap: 8px;
    font-size: 12px;
    font-weight: 600;
    line-height: 16px;
  }
  figure h3 .value {
    margin-left: auto;
    font-weight: 400;
    white-space: nowrap;
  }
  .note {
    overflow: hidden;
    color: var(--muted);
    font-size: 11px;
    font-weight: 400;
    line-height: 16px;
    text-overflow: ellipsis;
    white-space: nowrap;
  }
  svg.plot {
    display: block;
    overflow: visible;
    font: 11px var(--vscode-font-family);
    font-variant-numeric: tabular-nums;
  }
  svg.plot:not(.drawn) text {
    fill: var(--muted);
  }
  svg.plot text.now {
    fill: var(--vscode-foreground);
    font-weight: 600;
  }
  svg.plot .halo {
    paint-order: stroke;
    stroke: var(--vscode-editor-background);
    stroke-width: 3px;
    stroke-linejoin: round;
  }
  svg.plot .grid {
    stroke: var(--grid);
    shape-rendering: crispEdges;
  }
  svg.plot .axis {
    stroke: var(--axis);
    shape-rendering: crispEdges;
  }
  svg.plot .cursor {
    stroke: var(--vscode-foreground);
    opacity: 0.7;
    shape-rendering: crispEdges;
  }
  input[type='range'] {
    appearance: none;
    display: block;
    width: 100%;
    height: 16px;
    margin: 0;
    background: none;
    cursor: pointer;
  }
  input[type='range']::-webkit-slider-runnable-track {
    height: 2px;
    border-radius: 1px;
    background: linear-gradient(
      to right,
      var(--vscode-progressBar-background) var(--fill, 0%),
      var(--axis) var(--fill, 0%)
    );
  }
  input[type='range']::-webkit-slider-thumb {
    appearance: none;
    width: 16px;
    height: 16px;
    margin-top: -7px;
    border: 4px solid var(--vscode-editor-background);
    border-radius: 8px;
    background: var(--vscode-foreground);
    background-clip: padding-box;
    box-shadow: 0 0 0 1px var(--vscode-foreground);
  }
  input[type='range']:focus-visible {
    outline: none;
  }
  input[type='range']:focus-visible::-webkit-slider-thumb {
    background-color: var(--vscode-focusBorder);
    box-shadow: 0 0 0 2px var(--vscode-focusBorder);
  }
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
  table.data tbody tr:hover td {
    background: var(--vscode-list-hoverBackground);
  }
  .scroll {
    overflow: auto;
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
