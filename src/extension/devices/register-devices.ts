/** @file What can compute here: the Devices view and its commands. */

import { Disposable, type LogOutputChannel } from 'vscode';
import { registerCommands } from '../base/commands';
import type { ContextKeys } from '../base/context-keys';
import { requireTrust } from '../base/require-trust';
import type { StartRunner } from '../base/runner-process';
import type { RunList } from '../runs/run-list';
import { installLibrary, measureDevices, removeLibrary } from './device-commands';
import { DeviceList } from './device-list';
import { registerDevicesView } from './devices-view';

export interface DeviceParts {
  runs: RunList;
  startRunner: StartRunner;
  /** A folder for the runner to work in. */
  cwd: string;
  keys: ContextKeys;
  log: LogOutputChannel;
  report: (error: unknown) => void;
}

export function registerDevices({ runs, startRunner, cwd, keys, log, report }: DeviceParts): Disposable {
  const devices = new DeviceList(startRunner, cwd, requireTrust);
  const parts = { devices, startRunner, cwd, log };
  return Disposable.from(
    devices,
    registerDevicesView(devices, runs, keys, report),
    registerCommands<'devices'>(log, {
      'distillery.installOpenVino': (given) => installLibrary(parts, 'openvino', given),
      'distillery.installTensorFlow': (given) => installLibrary(parts, 'tensorflow', given),
      'distillery.installTensorFlowGpu': (given) => installLibrary(parts, 'tensorflow-gpu', given),
      'distillery.removeLibrary': (row) => removeLibrary(parts, row),
      'distillery.measureDevices': () => measureDevices(parts),
      'distillery.refreshDevices': () => devices.refresh(),
    }),
  );
}
