/** @file One training on a host elsewhere: sent there, started there so that it goes on without us, followed, and fetched. */

import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import path from 'node:path';
import { findCompleteDirectory, saveDirectoryAtomically } from '../../run-directory/atomic-directory';
import { makeFolder } from '../../run-directory/folders';
import { removeOwned, requireOwnedTree } from '../../run-directory/owned';
import { openRecords, type RecordWriter } from '../../run-directory/record-file';
import type { TrainingPaths } from '../../run-directory/run-paths';
import type { PreparedRun } from '../run/prepared-run';
import { InputError } from '../../protocol/problem';
import type { RunHost } from '../../protocol/records';
import { writeJob } from './job';
import { packageFolder } from './interpreter';
import { type Host, quoted } from './ssh';
import { strategyFor } from './strategy';
import type { Torchrun } from './torchrun';
import { Following, keptErrors, MOST_RESTARTS, reasonIn, type Event, type TorchrunTraining } from './training';

/** Below the home folder there. */
const PLACE = '.cache/distillery';

/** What the shell there writes when a training's processes have ended. */
const EXIT = /^\{"distillery": "exit", "code": (\d+)\}$/;

/** Where a run's folder is mirrored there: of one name for each folder of each person. */
export function placeOf(directory: string): string {
  const name = path.basename(directory).replace(/[^\w.-]/g, '-');
  return `${PLACE}/${name}-${createHash('sha256').update(directory).digest('hex').slice(0, 12)}`;
}

/**
 * Trains there as `trainOnTorchrun` does here. What has begun there is followed again; what has ended there is fetched. Where the person stops
 * the run while the host cannot be reached, it goes on there, and resuming the run finds it.
 */
export async function trainOverSsh(
  run: PreparedRun,
  torchrun: Torchrun & { host: Host },
  training: TorchrunTraining,
): Promise<boolean> {
  const { host } = torchrun;
  const { directory } = run.paths;
  const shared = path.join(directory, 'torchrun');
  const own = path.relative(directory, training.paths.directory).split(path.sep).join('/');
  const job = `torchrun/${own || 'student'}`;
  const folder = path.join(directory, job);
  const there = placeOf(directory);
  const output = own === '' ? there : `${there}/${own}`;
  const { strategy, notes } = strategyFor(run, torchrun, training);
  for (const note of notes) await run.recorder.note(note);
  const state = await host.ask(stateScript(there, job, output));
  if (!state.includes('running')) {
    const [here, away] = [await stepOf(training.paths), stepIn(state)];
    // Nobody has followed the last of it.
    if (away > here) await fetchResults(host, output, training.paths);
    await writeJob(run, training, { shared, folder, strategy, caches: path.join(shared, 'caches') });
    await host.send(path.dirname(packageFolder()), [`${path.basename(packageFolder())}/distillery_torch`], there);
    const parts = ['data', ...(training.teacher ? ['teacher-model'] : [])].filter(
      (part) => !state.includes(`has ${part}\n`),
    );
    await host.send(directory, [job, ...parts.map((part) => `torchrun/${part}`)], there);
    const has = parts.map((part) => quoted(`${there}/has ${part}`));
    if (has.length > 0) await host.ask(`touch ${has.join(' ')}`);
    if (here > away) await sendCheckpoints(host, training.paths, output);
    await host.ask(startScript(torchrun, there, job));
  }
  await run.recorder.note(`the ${training.role} is trained on ${host.name}, in ~/${there}`);
  const wish = new AbortController();
  const connection = { isLost: false };
  const tell = (): void => {
    if (connection.isLost && run.control.stopping) wish.abort();
    else void tellWish(run, host, `${there}/${job}`);
  };
  const stopListening = run.control.listen(tell);
  const logs = new FetchedLogs(host, `${there}/${job}`, directory, path.relative(shared, folder));
  run.control.fetchLogs = () => logs.fetch();
  if (run.control.stopping || run.control.paused) tell();
  const following = new Following(run, training);
  const copied = new CopiedRecords(training.paths);
  let code: number | undefined;
  // A record that cannot be written now is written with the next.
  const tellRecord = (host: RunHost): void => void run.recorder.update({ host }).catch(() => undefined);
  const heard = (lost?: string): void => {
    const { name } = host;
    if (lost !== undefined) {
      void run.recorder.note(`warning: no connection to ${name} (${lost}); the training goes on there`);
      tellRecord({ name, lost: { since: new Date().toISOString(), reason: lost } });
      connection.isLost = true;
      if (run.control.stopping) wish.abort();
    } else if (connection.isLost) {
      void run.recorder.note(`there is a connection to ${name} again`);
      tellRecord({ name });
      connection.isLost = false;
      // A wish of meanwhile has not arrived.
      tell();
    }
  };
  try {
    const lines = host.follow(`${there}/${job}/events`, `${there}/${job}/pid`, wish.signal, heard);
    for await (const line of lines) {
      const exit = EXIT.exec(line);
      if (exit) {
        code = Number(exit[1]);
        break;
      }
      await following.hearLine(line, (event) => copied.hear(event));
    }
  } finally {
    stopListening();
    copied.close();
    run.control.fetchLogs = undefined;
  }
  if (wish.signal.aborted) return false;
  await logs.fetch().catch((error: unknown) => run.recorder.note(`its logs were not fetched: ${String(error)}`));
  await fetchResults(host, output, training.paths);
  const isFinished = following.finished;
  if (code !== 0 || isFinished === undefined) {
    const errors = await host.ask(`tail -n 200 ${quoted(`${there}/${job}/errors`)}`);
    const lines = errors.split('\n').filter((line) => line.trim() !== '');
    const reason = reasonIn(lines);
    throw InputError.at(`${host.name}:${there}/${job}/errors`, 'torchrun-failed', { code: code ?? 'none', reason });
  }
  if (isFinished) {
    await host.ask(`rm -rf ${quoted(`${there}/${job}`)} ${quoted(`${output}/checkpoints`)}`);
    await removeOwned(folder);
  }
  return isFinished;
}

/** "running" where its process is there, "has …" for each part that has come whole, and the position of its last checkpoint. */
const stateScript = (there: string, job: string, output: string): string =>
  `if kill -0 "$(cat ${quoted(`${there}/${job}/pid`)} 2> /dev/null)" 2> /dev/null; then echo running; fi; ` +
  `(cd ${quoted(there)} && ls -d has*) 2> /dev/null; ` +
  `cat ${quoted(`${output}/checkpoints/last/trainer.json`)} 2> /dev/null || :`;

const stepIn = (state: string): number => Number(/"step": ?(\d+)/.exec(state)?.[1] ?? -1);

async function stepOf(paths: TrainingPaths): Promise<number> {
  const last = await findCompleteDirectory(paths.lastCheckpoint);
  return last === undefined ? -1 : stepIn(await readFile(path.join(last, 'trainer.json'), 'utf8'));
}

/** The checkpoints and records that are here, in place of those there. */
async function sendCheckpoints(host: Host, paths: TrainingPaths, output: string): Promise<void> {
  const names = ['checkpoints', 'metrics.jsonl', 'evaluations.jsonl'];
  await host.ask(names.map((name) => `rm -rf ${quoted(`${output}/${name}`)}`).join(' && '));
  const found = names.filter((name) => existsSync(path.join(paths.directory, name)));
  await host.send(paths.directory, found, output);
}

/** Its processes have no terminal and nobody who waits for them; what they say is in files. */
function startScript({ interpreter, processes, threads }: Torchrun, there: string, job: string): string {
  const elastic = `--standalone --nnodes=1 --nproc-per-node=${processes} --max-restarts=${MOST_RESTARTS}`;
  const kept = keptErrors(`${job}/logs`).map(quoted).join(' ');
  const train =
    `${quoted(interpreter.python)} -m torch.distributed.run ${elastic} ${kept} -m distillery_torch ${quoted(job)}; ` +
    `echo "{\\"distillery\\": \\"exit\\", \\"code\\": $?}"`;
  const environment = {
    PYTHONPATH: '$PWD/python',
    PYTHONDONTWRITEBYTECODE: '1',
    PYTHONUNBUFFERED: '1',
    OMP_NUM_THREADS: String(threads),
    TORCH_DISABLE_SHARE_RDZV_TCP_STORE: '1',
  };
  const exported = Object.entries(environment).map(([key, value]) => `${key}="${value}"`);
  return [
    `cd ${quoted(there)}`,
    `rm -f ${quoted(`${job}/control.json`)}`,
    `export ${exported.join(' ')}`,
    `{ nohup sh -c ${quoted(train)} > ${quoted(`${job}/events`)} 2> ${quoted(`${job}/errors`)} < /dev/null & echo $! > ${quoted(`${job}/pid`)}; }`,
  ].join(' && ');
}

/** One that does not arrive is told again when there is a connection. */
async function tellWish({ control }: PreparedRun, host: Host, folder: string): Promise<void> {
  const wish = control.stopping ? 'stop' : control.paused ? 'pause' : 'run';
  const file = quoted(`${folder}/control.json`);
  await host.run(`cat > ${file}.new && mv ${file}.new ${file}`, Buffer.from(`${JSON.stringify({ wish })}\n`));
}

/** The records of what is heard, in this run's own files, as Python writes those there. */
class CopiedRecords {
  private metrics: RecordWriter<'metrics'> | undefined;
  private evaluations: RecordWriter<'evaluations'> | undefined;

  constructor(private readonly paths: TrainingPaths) {}

  async hear(event: Event): Promise<void> {
    if (event.distillery === 'begins') {
      this.close();
      this.metrics = await openRecords(this.paths, 'metrics', event.step - 1);
      this.evaluations = await openRecords(this.paths, 'evaluations', event.resumed ? event.step : -1);
    }
    if (event.distillery === 'step') this.metrics?.append(event.record);
    if (event.distillery === 'evaluated') this.evaluations?.append(event.record);
  }

  close(): void {
    this.metrics?.close();
    this.evaluations?.close();
  }
}

/** Checkpoints, probes and records, each whole or not at all. */
async function fetchResults(host: Host, output: string, paths: TrainingPaths): Promise<void> {
  const aside = path.join(paths.directory, 'torchrun-fetched');
  await removeOwned(aside);
  await makeFolder(aside);
  try {
    await host.fetch(output, ['checkpoints', 'probes', 'metrics.jsonl', 'evaluations.jsonl'], aside);
    // What has come is looked at before it is used: no links.
    await requireOwnedTree(aside);
    const folders = [
      ['last', paths.lastCheckpoint],
      ['previous', paths.previousCheckpoint],
      ['best', paths.bestCheckpoint],
    ] as const;
    for (const [name, target] of folders) {
      const fetched = path.join(aside, 'checkpoints', name);
      if (!existsSync(fetched)) continue;
      await saveDirectoryAtomically(target, async (folder) => {
        for (const file of await readdir(fetched)) await rename(path.join(fetched, file), path.join(folder, file));
      });
    }
    for (const kind of ['metrics', 'evaluations'] as const) {
      const fetched = path.join(aside, `${kind}.jsonl`);
      // Who follows the file that is here need not begin again.
      if (existsSync(fetched) && !(await isAlike(fetched, paths[kind]))) await rename(fetched, paths[kind]);
    }
    const probes = path.join(aside, 'probes');
    if (!existsSync(probes)) return;
    await mkdir(paths.probes, { recursive: true });
    for (const file of await readdir(probes)) await rename(path.join(probes, file), path.join(paths.probes, file));
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
}

/** What torchrun and its processes have said there, in a folder of the run: `torchrun.log`, and a file for each process. */
class FetchedLogs {
  private fetching: Promise<void> = Promise.resolve();

  constructor(
    private readonly host: Host,
    private readonly job: string,
    private readonly directory: string,
    private readonly training: string,
  ) {}

  /** One after another. @throws ComplaintError where the host does not give them */
  fetch(): Promise<void> {
    const fetched = this.fetching.then(() => this.fetchNow());
    this.fetching = fetched.catch(() => undefined);
    return fetched;
  }

  private async fetchNow(): Promise<void> {
    const aside = path.join(this.directory, 'torchrun-logs');
    const target = path.join(this.directory, 'logs', this.training);
    await removeOwned(aside);
    await makeFolder(aside);
    try {
      await this.host.fetch(this.job, ['errors', 'logs'], aside);
      await requireOwnedTree(aside);
      await saveDirectoryAtomically(target, async (folder) => {
        const logs = path.join(aside, 'logs');
        const names = existsSync(logs) ? await readdir(logs) : [];
        for (const name of names) await rename(path.join(logs, name), path.join(folder, name));
        const errors = path.join(aside, 'errors');
        if (existsSync(errors)) await rename(errors, path.join(folder, 'torchrun.log'));
      });
    } finally {
      await rm(aside, { recursive: true, force: true });
    }
  }
}

const isAlike = async (one: string, other: string): Promise<boolean> =>
  existsSync(other) && (await readFile(one)).equals(await readFile(other));

/** Nothing of a finished run stays there. */
export async function forgetRun(host: Host, directory: string): Promise<void> {
  await host.run(`rm -rf ${quoted(placeOf(directory))}`);
}
