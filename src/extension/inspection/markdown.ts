/** @file Pieces of Markdown for hovers: text that is never markup, and bars that follow the theme. */

import { ColorThemeKind, MarkdownString, window } from 'vscode';

/** `charts-orange` is half transparent in most themes, so the student's orange is that of a class symbol, as in the sidebar. */
const colours = { teacher: 'charts-blue', student: 'symbolIcon-classForeground', label: 'charts-green' };

/** Widest bar, in characters. */
const widest = 18;

/** Bars of two models: a block of no-break spaces in the model's colour; in high contrast the student's are signs. */
export function bar(role: 'teacher' | 'student', share: number): string {
  const width = Math.round(widest * Math.min(1, share));
  if (width === 0) return '▏';
  if (role === 'student' && isHighContrast()) return '▌'.repeat(width);
  // This form exactly is what the editor lets through.
  return `<span style="background-color:var(--vscode-${colours[role]});">${'&nbsp;'.repeat(width)}</span>`;
}

/** What stands for a role where colour does not: a square for the teacher, a disc for the student, a diamond for the label. */
export function mark(role: 'teacher' | 'student' | 'label'): string {
  const sign = { teacher: '■', student: '●', label: '◆' }[role];
  return `<span style="color:var(--vscode-${colours[role]});">${sign}</span>`;
}

export function markdown(text: string, ...commands: string[]): MarkdownString {
  const result = new MarkdownString(text, true);
  result.supportHtml = true;
  result.isTrusted = { enabledCommands: commands };
  return result;
}

function isHighContrast(): boolean {
  const { kind } = window.activeColorTheme;
  return kind === ColorThemeKind.HighContrast || kind === ColorThemeKind.HighContrastLight;
}
