/** @file The colour roles, from the theme's variables. No colour of our own. */

import { css, unsafeCSS } from 'lit';
import { imitationFacts, imitationNames } from '../../src/protocol/imitation';

const imitationColours = unsafeCSS(
  imitationNames.map((name) => `--${name}: ${imitationFacts[name].colours.page};`).join(' '),
);

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
    --ownSoft: var(--student);
    --hard: var(--label);
    ${imitationColours}
    --wrong: var(--vscode-charts-red);
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
    --quiet: 0.6;
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
    --quiet: 1;
  }
`;
