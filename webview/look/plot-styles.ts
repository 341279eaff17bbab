/** @file What the small SVG charts and the sliders beneath them share. */

import { css } from 'lit';

export const plotStyles = css`
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
`;

export const sliderStyles = css`
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
`;
