/** @file Icons of runs and models: the shape tells them apart, the colour only helps. */

import { ThemeColor, ThemeIcon } from 'vscode';
import type { Role, RunStatus } from '../../protocol/records';

const byStatus: Record<RunStatus, [icon: string, color?: string]> = {
  queued: ['watch'],
  running: ['loading~spin'],
  paused: ['debug-pause', 'icon.foreground'],
  stopped: ['circle-slash', 'icon.foreground'],
  failed: ['error', 'testing.iconFailed'],
  done: ['pass', 'testing.iconPassed'],
};

/**
 * As in the Lab: the teacher is a square, the student a disc, a control an open diamond. `charts.orange` is half transparent
 * in most themes, too pale for an icon, so the student's orange is that of a class symbol.
 */
const byRole: Record<Role, [icon: string, color?: string]> = {
  teacher: ['primitive-square', 'charts.blue'],
  student: ['circle-filled', 'symbolIcon.classForeground'],
  control: ['debug-breakpoint-log-unverified', 'charts.foreground'],
};

const themeIcon = ([icon, color]: [string, string?]): ThemeIcon =>
  new ThemeIcon(icon, color === undefined ? undefined : new ThemeColor(color));

export const statusIcon = (status: RunStatus): ThemeIcon => themeIcon(byStatus[status]);

/** Of a run at work on a host to which there is no connection. */
export const lostIcon = new ThemeIcon('debug-disconnect', new ThemeColor('list.warningForeground'));

export const roleIcon = (role: Role): ThemeIcon => themeIcon(byRole[role]);
