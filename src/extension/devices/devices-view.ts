/** @file The Devices view of the sidebar: what can compute here, how fast, and what to do about what cannot. */

import { Disposable, EventEmitter, window, workspace, type TreeDataProvider } from 'vscode';
import { engineFacts } from '../../protocol/engines';
import type { DeviceRecord } from '../../protocol/records';
import type { ContextKeys } from '../base/context-keys';
import type { DeviceList } from './device-list';
import type { ListedRun, RunList } from '../runs/run-list';
import { DeviceItem, type DeviceUse } from './device-item';

/** `report` is told why the view is empty. */
export function registerDevicesView(
  devices: DeviceList,
  runs: RunList,
  keys: ContextKeys,
  report: (error: unknown) => void,
): Disposable {
  const tree = new DeviceTree(devices, runs, (error) => {
    if (error !== undefined) report(error);
    keys.set('distillery.hasDeviceError', error !== undefined);
  });
  const view = window.createTreeView('distillery.devices', { treeDataProvider: tree });
  const known = devices.onDidChange(() =>
    keys.set(
      'distillery.hasLibraries',
      devices.devices.some(({ library }) => library !== undefined),
    ),
  );
  const lookAgain = (isSeen: boolean): void => {
    if (isSeen && view.visible) void devices.refreshIfStale().catch(report);
  };
  return Disposable.from(
    view,
    tree,
    known,
    window.onDidChangeWindowState(({ focused }) => lookAgain(focused)),
    view.onDidChangeVisibility(({ visible }) => lookAgain(visible)),
  );
}

class DeviceTree implements TreeDataProvider<DeviceItem>, Disposable {
  readonly #changed = new EventEmitter<undefined>();
  readonly onDidChangeTreeData = this.#changed.event;
  readonly #listeners: Disposable;

  constructor(
    private readonly devices: DeviceList,
    private readonly runs: RunList,
    /** Told of each answer why there is none, undefined for a good one. */
    private readonly told: (error: unknown) => void,
  ) {
    const refresh = (): void => this.#changed.fire(undefined);
    let users = '';
    this.#listeners = Disposable.from(
      devices.onDidChange(refresh),
      workspace.onDidGrantWorkspaceTrust(refresh),
      runs.onDidChange(() => {
        const now = this.#training()
          .map((run) => run.paths.id)
          .join(' ');
        if (now !== users) refresh();
        users = now;
      }),
    );
  }

  getTreeItem(row: DeviceItem): DeviceItem {
    return row;
  }

  /** The first call, when the view becomes visible, is what makes the list ask. */
  async getChildren(row?: DeviceItem): Promise<DeviceItem[]> {
    if (row || !workspace.isTrusted) return [];
    await this.devices.ready().then(() => this.told(undefined), this.told);
    const here = this.devices.devices.filter(
      ({ engine }) => engineFacts[engine].systems?.includes(process.platform) ?? true,
    );
    return here.map((device) => new DeviceItem(device, this.#userOf(device)));
  }

  /** Runs of this workspace are known from moment to moment, others as they were when the runner was asked. */
  #userOf({ device, engine, inUseBy }: DeviceRecord): DeviceUse | undefined {
    const own = this.#training().find(
      ({ record }) => engineFacts[record.engine as DeviceRecord['engine']].device === device,
    );
    if (own) return { run: own.record.name, byOtherEngine: own.record.engine !== engine };
    const isKnown = inUseBy && this.runs.find(inUseBy.run) !== undefined;
    return inUseBy && !isKnown ? { run: inUseBy.run, byOtherEngine: false } : undefined;
  }

  #training(): ListedRun[] {
    return this.runs.live.filter(({ record }) => record.status !== 'queued' && record.engine in engineFacts);
  }

  dispose(): void {
    this.#listeners.dispose();
    this.#changed.dispose();
  }
}
