/** @file The editor's own icons (codicons), 16 × 16 in the colour of the text: of the set only those that the page shows. */

import add from '@vscode/codicons/src/icons/add.svg';
import chevronDown from '@vscode/codicons/src/icons/chevron-down.svg';
import chevronLeft from '@vscode/codicons/src/icons/chevron-left.svg';
import chevronRight from '@vscode/codicons/src/icons/chevron-right.svg';
import circleSlash from '@vscode/codicons/src/icons/circle-slash.svg';
import close from '@vscode/codicons/src/icons/close.svg';
import debugDisconnect from '@vscode/codicons/src/icons/debug-disconnect.svg';
import debugPause from '@vscode/codicons/src/icons/debug-pause.svg';
import debugRerun from '@vscode/codicons/src/icons/debug-rerun.svg';
import debugStop from '@vscode/codicons/src/icons/debug-stop.svg';
import ellipsis from '@vscode/codicons/src/icons/ellipsis.svg';
import error from '@vscode/codicons/src/icons/error.svg';
import exportIcon from '@vscode/codicons/src/icons/export.svg';
import listUnordered from '@vscode/codicons/src/icons/list-unordered.svg';
import loading from '@vscode/codicons/src/icons/loading.svg';
import pass from '@vscode/codicons/src/icons/pass.svg';
import play from '@vscode/codicons/src/icons/play.svg';
import save from '@vscode/codicons/src/icons/save.svg';
import search from '@vscode/codicons/src/icons/search.svg';
import table from '@vscode/codicons/src/icons/table.svg';
import warning from '@vscode/codicons/src/icons/warning.svg';
import watch from '@vscode/codicons/src/icons/watch.svg';
import { html, type TemplateResult } from 'lit';
import { unsafeHTML } from 'lit/directives/unsafe-html.js';

/** By their names in the set, each a whole SVG; a run's status has the same icon in the sidebar. */
const icons = {
  add,
  'chevron-down': chevronDown,
  'chevron-left': chevronLeft,
  'chevron-right': chevronRight,
  'circle-slash': circleSlash,
  close,
  'debug-disconnect': debugDisconnect,
  'debug-pause': debugPause,
  'debug-rerun': debugRerun,
  'debug-stop': debugStop,
  ellipsis,
  error,
  export: exportIcon,
  'list-unordered': listUnordered,
  loading,
  pass,
  play,
  save,
  search,
  table,
  warning,
  watch,
} as const;

export type IconName = keyof typeof icons;

export function icon(name: IconName): TemplateResult {
  return html`<span class="icon" aria-hidden="true">${unsafeHTML(icons[name])}</span>`;
}
