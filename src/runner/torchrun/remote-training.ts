/** @file One training on a host elsewhere, or on several together: sent there, started there so that it goes on without us, followed, and fetched. */

import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createHash, randomBytes } from 'node:crypto';
import os from 'node:os';
import path from 'node:path';
import { findCompleteDirectory } from '../../run-directory/atomic-directory';
import { removeOwned } from '../../run-directory/owned';
import type { TrainingPaths } from '../../run-directory/run-paths';
import type { PreparedRun } from '../run/prepared-run';
import { InputError } from '../../protocol/problem';
import type { SlurmJob } from '../../protocol/records';
import { CopiedRecords, FetchedLogs, fetchResults } from './fetching';
import { followMembers, reachable, type Followed, type Member } from './members';
import { writeJob } from './job';
import { packageFolder } from './interpreter';
import { meet } from './meeting';
import { type Host, quoted } from './ssh';
import { SERVED } from './served';
import { strategyFor } from './strategy';
import { hostsOf, type Torchrun } from './torchrun';
import { JobState, startingOf } from './starting';
import { Following, reasonIn, type TorchrunTraining } from './training';

/** Below the home folder there. */
const PLACE = '.cache/distillery';

/** Where a run's folder is mirrored there: of one name for each folder of each person. Hosts may share the home folder: of several each has its own. */
function remoteFolderOf(directory: string, number = 0): string {
  const name = path.basename(directory).replace(/[^\w.-]/g, '-');
  const own = number === 0 ? '' : `-host${number + 1}`;
  return `${PLACE}/${name}-${createHash('sha256').update(directory).digest('hex').slice(0, 12)}${own}`;
}

/**
 * Trains there as `trainOnTorchrun` does here. What has begun there is followed again; what has ended there is fetched. Where the person stops
 * the run while the host cannot be reached, it goes on there, and resuming the run finds it. Several hosts train together, each in a folder of
 * its own, in which all is kept.
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
  const { strategy, warnings } = strategyFor(run, torchrun, training);
  for (const warning of warnings) await run.recorder.note(warning, 'warning');
  const members = hostsOf(torchrun).map((one, number): Member => {
    const there = remoteFolderOf(directory, number);
    const starting = startingOf(torchrun, run.experiment, { there, job });
    return { host: one, there, folder: `${there}/${job}`, output: own === '' ? there : `${there}/${own}`, starting };
  });
  const isApart = members.length > 1;
  const states = await Promise.all(members.map((member) => member.host.ask(stateScript(member))));
  if (!states.every((state) => state.includes('running'))) {
    // Where one has gone the others wait for it.
    const waiting = members.filter((_, i) => states[i]!.includes('running'));
    await Promise.all(waiting.map((one) => one.host.ask(one.starting.end)));
    const steps = states.map(stepIn);
    const newest = Math.max(...steps);
    // Nobody has followed the last of it.
    if (newest > (await stepOf(training.paths))) {
      const { host: there, output } = members[steps.indexOf(newest)]!;
      await fetchResults(there, output, training.paths);
    }
    const here = await stepOf(training.paths);
    await writeJob(run, training, { shared, folder, strategy, isApart, caches: path.join(shared, 'caches') });
    await members[0]!.starting.prepare(folder);
    await Promise.all(
      members.map(async ({ host: there, there: folder, output }, i) => {
        await sendParts(there, folder, { directory, job }, states[i]!);
        if (here > steps[i]!) await sendCheckpoints(there, training.paths, output);
      }),
    );
    await startMembers(members, torchrun, run.experiment.torchrun?.rendezvous);
  }
  const names = members.map((member) => member.host.name).join(', ');
  const onIt = host.isHere ? '' : ` on ${names}`;
  const how = torchrun.slurm ? ` as a job of Slurm${onIt}` : onIt;
  await run.recorder.note(`the ${training.role} is trained${how}, in ~/${members[0]!.there}`);
  const logs = new FetchedLogs(members, directory, path.relative(shared, folder));
  run.control.fetchLogs = () => logs.fetch();
  const following = new Following(run, training);
  const copied = new CopiedRecords(training.paths);
  let slurm: SlurmJob | undefined;
  const { state } = members[0]!.starting;
  const jobState =
    state === undefined
      ? undefined
      : new JobState(host, state, async (found) => {
          if (slurm?.state !== found.state) await run.recorder.note(jobText(found));
          slurm = found;
          await run.recorder.update({ slurm: found }).catch(() => undefined);
        });
  let followed: Followed;
  try {
    followed = await followMembers(run, members, following, (event) => {
      if (event.distillery === 'begins') jobState?.lookNow();
      return copied.hear(event);
    });
  } finally {
    jobState?.end();
    copied.close();
    run.control.fetchLogs = undefined;
  }
  if (followed.isLeft) return false;
  await logs.fetch().catch((error: unknown) => run.recorder.note(`its logs were not fetched: ${String(error)}`));
  const isFinished = following.finished;
  const present = reachable(members);
  const best = isApart ? await newestOf(present) : members[0]!;
  if (best) await fetchResults(best.host, best.output, training.paths);
  // Taken back before it had begun, or anew while it waited in the queue again.
  if (members[0]!.code === undefined && torchrun.slurm && run.control.stopping) return false;
  const failed = whoFailed(members, followed, isFinished);
  if (failed) throw await (isApart && failed.code === undefined ? goneOf(failed, followed) : failureOf(failed, slurm));
  if (isFinished) {
    for (const { host: there, folder: done, output } of present) {
      await there.ask(`rm -rf ${quoted(done)} ${quoted(`${output}/checkpoints`)}`);
    }
    await removeOwned(folder);
  }
  return isFinished!;
}

/** What a host does not have yet of what the training reads. */
async function sendParts(
  host: Host,
  there: string,
  { directory, job }: { directory: string; job: string },
  state: string,
): Promise<void> {
  await host.send(path.dirname(packageFolder()), [`${path.basename(packageFolder())}/distillery_torch`], there);
  const made = ['data', 'teacher-model', SERVED].filter((part) => existsSync(path.join(directory, 'torchrun', part)));
  const parts = made.filter((part) => !state.includes(`has ${part}\n`));
  await host.send(directory, [job, ...parts.map((part) => `torchrun/${part}`)], there);
  const has = parts.map((part) => quoted(`${there}/has ${part}`));
  if (has.length > 0) await host.ask(`touch ${has.join(' ')}`);
}

async function startMembers(
  members: readonly Member[],
  { interpreter }: Torchrun,
  rendezvous: string | undefined,
): Promise<void> {
  const hosts = members.map(({ host }) => host);
  const meeting = hosts.length > 1 ? await meet(hosts, interpreter.python, rendezvous) : undefined;
  const id = `distillery-${randomBytes(6).toString('hex')}`;
  await Promise.all(
    members.map(({ host, output, starting }, i) => {
      const joined = meeting && {
        ...meeting.addresses[i]!,
        id,
        hosts: hosts.length,
        endpoint: meeting.endpoint,
        isFirst: i === 0,
      };
      return host.ask(`mkdir -p ${quoted(output)} && ${starting.start(joined)}`);
    }),
  );
}

/** Who has not come to the end; undefined where it was reached, though perhaps not all can be asked any more. */
function whoFailed(
  members: readonly Member[],
  { first }: Followed,
  isFinished: boolean | undefined,
): Member | undefined {
  const isDone = isFinished !== undefined && members.some(({ code }) => code === 0);
  if (isDone && members.every(({ code, lost }) => code === 0 || (code === undefined && lost !== undefined)))
    return undefined;
  // One that is gone is why the others have failed.
  return members.find(({ isGone }) => isGone) ?? members.find(({ lost }) => lost !== undefined) ?? first ?? members[0];
}

/** Of several hosts that with the newest checkpoint: all have the same, unless one was cut off. */
async function newestOf(members: readonly Member[]): Promise<Member | undefined> {
  const said = await Promise.all(members.map(({ host, output }) => host.run(positionScript(output))));
  const steps = said.map(({ output }) => stepIn(output));
  return members[steps.indexOf(Math.max(...steps))];
}

/** One of several hosts. */
async function goneOf({ host, folder, lost }: Member, { first }: Followed): Promise<InputError> {
  let reason = lost === undefined ? 'its processes are gone' : `there is no connection (${lost})`;
  if (first && first.host !== host) reason += `, and ${first.host.name} says: ${reasonIn(await errorsOf(first))}`;
  return InputError.at(errorsFileOf(host, folder), 'torchrun-host-gone', { host: host.name, reason });
}

async function failureOf(member: Member, slurm: SlurmJob | undefined): Promise<InputError> {
  const { host, folder, code, starting } = member;
  const said = errorsFileOf(host, folder);
  const state = (await host.ask(starting.ending)).trim().split('\n')[0]!;
  if (code === undefined ? starting.state !== undefined : ENDED_BY_SLURM.test(state)) {
    return InputError.at(said, 'torchrun-slurm-ended', {
      job: slurm?.job ?? '',
      state: state === '' ? 'it is not known any more' : state,
    });
  }
  return InputError.at(said, 'torchrun-failed', { code: code ?? 'none', reason: reasonIn(await errorsOf(member)) });
}

const errorsFileOf = (host: Host, folder: string): string =>
  host.isHere ? path.join(os.homedir(), folder, 'errors') : `${host.name}:${folder}/errors`;

async function errorsOf({ host, folder }: Member): Promise<string[]> {
  const errors = await host.ask(`tail -n 200 ${quoted(`${folder}/errors`)}`);
  return errors.split('\n').filter((line) => line.trim() !== '');
}

/** States of a job that are no failure of what it ran: squeue(1), "JOB STATE CODES". */
const ENDED_BY_SLURM = /^(?:BOOT_FAIL|CANCELLED|DEADLINE|NODE_FAIL|OUT_OF_MEMORY|PREEMPTED|REVOKED|TIMEOUT)/;

function jobText({ job, state, reason }: SlurmJob): string {
  if (state === 'PENDING') return `job ${job} of Slurm waits in the queue${reason === undefined ? '' : ` (${reason})`}`;
  return `job ${job} of Slurm: ${state.toLowerCase()}`;
}

/** "running" where its processes are there, "has …" for each part that has come whole, and the position of its last checkpoint. */
const stateScript = ({ starting, there, output }: Member): string =>
  `if ${starting.isAlive}; then echo running; fi; (cd ${quoted(there)} && ls -d has*) 2> /dev/null; ${positionScript(output)}`;

const positionScript = (output: string): string =>
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

/** Nothing of a finished run stays there. */
export async function forgetRun(host: Host, directory: string): Promise<void> {
  await host.run(`rm -rf ${quoted(remoteFolderOf(directory))} ${quoted(remoteFolderOf(directory))}-host*`);
}
