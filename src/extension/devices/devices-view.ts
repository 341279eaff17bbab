/** @file The Devices view of the sidebar: what can compute here, how fast, what to do about what cannot, and which models are here. */

import { Disposable, EventEmitter, window, workspace, type TreeDataProvider } from 'vscode';
import { engineFacts } from '../../protocol/engines';
import type { DeviceRecord } from '../../protocol/machine-records';
import type { ContextKeys } from '../base/context-keys';
import type { DeviceList } from './device-list';
import type { Hosts } from '../runs/hosts';
import type { ModelList } from '../models/model-list';
import type { ListedRun, RunList } from '../runs/run-list';
import { DeviceItem, type DeviceUse } from './device-item';
import { HostItem, HostsItem, NoHostItem } from './host-item';
import { ModelItem, ModelsItem, NoModelItem } from './model-item';

type Row = DeviceItem | HostsItem | NoHostItem | HostItem | ModelsItem | NoModelItem | ModelItem;

export interface Shown {
  devices: DeviceList;
  hosts: Hosts;
  models: ModelList;
  runs: RunList;
}

/** `report` is told why the view is empty. */
export function registerDevicesView(shown: Shown, keys: ContextKeys, report: (error: unknown) => void): Disposable {
  const { devices } = shown;
  const told = (error: unknown): void => {
    if (error !== undefined) report(error);
    keys.set('distillery.hasDeviceError', error !== undefined);
  };
  const tree = new DeviceTree(shown, told, report);
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

class DeviceTree implements TreeDataProvider<Row>, Disposable {
  readonly #changed = new EventEmitter<Row | undefined>();
  readonly onDidChangeTreeData = this.#changed.event;
  readonly #listeners: Disposable;

  readonly #heading = new ModelsItem();
  readonly #hostsHeading = new HostsItem();
  private readonly devices: DeviceList;
  private readonly hosts: Hosts;
  private readonly models: ModelList;
  private readonly runs: RunList;

  constructor(
    { devices, hosts, models, runs }: Shown,
    /** Told of each answer about devices why there is none, undefined for a good one. */
    private readonly told: (error: unknown) => void,
    private readonly report: (error: unknown) => void,
  ) {
    [this.devices, this.hosts, this.models, this.runs] = [devices, hosts, models, runs];
    const refresh = (): void => this.#changed.fire(undefined);
    let users = '';
    this.#listeners = Disposable.from(
      devices.onDidChange(refresh),
      hosts.onDidChange(() => this.#changed.fire(this.#hostsHeading)),
      models.onDidChange(() => this.#changed.fire(this.#heading)),
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

  getTreeItem(row: Row): Row {
    return row;
  }

  /** The first call, when the view becomes visible, is what makes the list ask. */
  async getChildren(row?: Row): Promise<Row[]> {
    if (!workspace.isTrusted) return [];
    if (row === this.#hostsHeading) return this.#hostRows();
    if (row) return row === this.#heading ? this.#modelRows() : [];
    await this.devices.ready().then(() => this.told(undefined), this.told);
    const here = this.devices.devices.filter(
      ({ engine }) => engineFacts[engine].systems?.includes(process.platform) ?? true,
    );
    const rows: Row[] = here.map((device) => new DeviceItem(device, this.#userOf(device)));
    return rows.length > 0 ? [...rows, this.#hostsHeading, this.#heading] : [];
  }

  async #hostRows(): Promise<Row[]> {
    await this.hosts.ready().catch(this.report);
    const { known } = this.hosts;
    return known.length > 0 ? known.map((host) => new HostItem(host)) : [new NoHostItem()];
  }

  async #modelRows(): Promise<Row[]> {
    // What was known stays where they could not be asked.
    await this.models.ready().catch(this.report);
    const { models = [] } = this.models;
    return models.length > 0 ? models.map((model) => new ModelItem(model)) : [new NoModelItem()];
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
