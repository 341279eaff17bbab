/** @file Pieces of Markdown for hovers: text that is never markup, and bars that follow the theme. */

import { ColorThemeKind, MarkdownString, window } from 'vscode';

/** `charts-orange` is half transparent in most themes, so the student's orange is that of a class symbol, as in the sidebar. */
const colours = { teacher: 'charts-blue', student: 'symbolIcon-classForeground', label: 'charts-green' };

/** Between the stripes of a bar. */
const stripe = 'charts-lines';

/** Widest bar, in characters. */
const widest = 18;

/**
 * Bars of two models, in one measure: no-break spaces on the model's colour. In high contrast the student's have stripes, so that colour
 * is not all that tells them apart.
 */
export function bar(role: 'teacher' | 'student', share: number): string {
  const width = Math.round(widest * Math.min(1, share));
  if (width === 0) return '▏';
  const own = colours[role];
  const isStriped = role === 'student' && isHighContrast();
  // Beginning and ending with its own colour, where there are more than two.
  return isStriped
    ? Array.from({ length: width }, (_, i) => block(i % 2 === 0 || i === width - 1 ? own : stripe, 1)).join('')
    : block(own, width);
}

/** This form exactly is what the editor lets through. */
const block = (colour: string, width: number): string =>
  `<span style="background-color:var(--vscode-${colour});">${'&nbsp;'.repeat(width)}</span>`;

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
