/** @file A row of the Devices view. */

import { l10n, MarkdownString, ThemeColor, ThemeIcon, TreeItem } from 'vscode';
import { inLabel, inMarkdown } from '../../protocol/escapes';
import { formatBytes, formatCount, formatMilliseconds } from '../../protocol/format';
import type { DeviceRecord } from '../../protocol/machine-records';
import { inEditorWords, inOneLine } from '../base/problem-words';
import { ago } from '../runs/run-words';

/** The run on the device of an engine. Several engines share a device: a run uses one of them, and all of them wait. */
export interface DeviceUse {
  run: string;
  byOtherEngine: boolean;
}

export class DeviceItem extends TreeItem {
  /** The library that its commands install or remove. */
  readonly library: string | undefined;

  constructor(
    readonly device: DeviceRecord,
    use: DeviceUse | undefined,
  ) {
    super(device.engine);
    this.id = device.engine;
    this.library = device.install ?? device.library?.name;
    this.description = inLabel(describe(device, use));
    this.iconPath = iconOf(device);
    this.tooltip = tooltip(device, use);
    this.contextValue = contextOf(device);
    this.accessibilityInformation = { label: `${device.engine}, ${this.description}` };
  }
}

/** `device.needs.LIBRARY` where installing one helps, `device.has.LIBRARY` where one can be removed. */
function contextOf({ install, library }: DeviceRecord): string {
  if (install !== undefined) return `device.needs.${install}`;
  return library ? `device.has.${library.name}` : 'device';
}

function iconOf({ available, device }: DeviceRecord): ThemeIcon {
  if (!available) return new ThemeIcon('circle-slash', new ThemeColor('disabledForeground'));
  return new ThemeIcon(device === 'gpu' ? 'circuit-board' : 'server');
}

/** Most wanted first: a narrow sidebar cuts off the end. */
function describe(
  { available, install, name, memoryBytes, software, speeds }: DeviceRecord,
  use: DeviceUse | undefined,
): string {
  if (!available) return install === undefined ? l10n.t('not available') : l10n.t('not installed');
  const parts = [
    use && !use.byOtherEngine && l10n.t('in use by {0}', use.run),
    speeds[0] && l10n.t('{0} a step', formatMilliseconds(speeds[0].stepMs)),
    software && l10n.t('imitated by the processor'),
    name,
    memoryBytes !== undefined && formatBytes(memoryBytes),
  ];
  return parts.filter((part) => typeof part === 'string').join(' · ');
}

function tooltip(device: DeviceRecord, use: DeviceUse | undefined): MarkdownString {
  const { engine, name, reason, memoryBytes, precisions, speeds, software, library } = device;
  const lines = [
    reason === null ? name : inOneLine(inEditorWords(device.problem ?? { message: reason })),
    memoryBytes !== undefined && l10n.t('Memory: {0}', formatBytes(memoryBytes)),
    software && l10n.t('A GPU that the processor imitates: right results, no speed. "auto" never takes it.'),
    l10n.t('Precision: {0}', precisions.join(', ')),
    ...speeds.map((speed) =>
      l10n.t(
        '{0}: {1} a small training step, {2} tokens/s, measured {3}',
        speed.precision,
        formatMilliseconds(speed.stepMs),
        formatCount(speed.tokensPerSecond),
        ago((Date.now() - Date.parse(speed.time)) / 1000),
      ),
    ),
    library && l10n.t('Library: {0} {1}', library.name, library.version),
    use && l10n.t('In use by {0}. Further runs wait until it has ended.', use.run),
  ];
  const text = new MarkdownString(`**${inMarkdown(engine)}**`);
  for (const line of lines) if (typeof line === 'string') text.appendMarkdown(`\n\n${inMarkdown(line)}`);
  return text;
}
