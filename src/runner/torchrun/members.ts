/** @file Hosts that train together, followed at once: what each tells, who has gone, what the person wants. One host is the common case. */

import type { PreparedRun } from '../run/prepared-run';
import { quoted, type Host } from './ssh';
import { EXIT, type Starting } from './starting';
import type { Event, Following } from './training';

/** One host of a training. Paths are below its home folder. */
export interface Member {
  host: Host;
  /** Its mirror of the run directory. */
  there: string;
  /** The training's folder in it, with what it reads and says. */
  folder: string;
  /** Where what comes out is. */
  output: string;
  starting: Starting;
  /** With what its processes have ended. */
  code?: number;
  /** They have ended without saying so. */
  isGone?: boolean;
  /** What ssh says, while there is no connection. */
  lost?: string | undefined;
}

/** How all have ended. */
export interface Followed {
  /** They were left to themselves: the person stops the run, and none can be reached. */
  isLeft: boolean;
  /** The first that has not ended well. */
  first: Member | undefined;
}

/**
 * Follows all until they have ended. Where one fails or is gone the others, which wait for it, are ended too: all have the last checkpoint.
 * The one that has the first process tells what happens, and which that is torchrun decides anew whenever it begins.
 */
export async function followMembers(
  run: PreparedRun,
  members: readonly Member[],
  following: Following,
  first: (event: Event) => Promise<void>,
): Promise<Followed> {
  const over = new AbortController();
  const followed: Followed = { isLeft: false, first: undefined };
  const isAtWork = ({ code, isGone }: Member): boolean => code === undefined && isGone !== true;
  /** Nobody is waited for whom nothing more can be heard of. */
  const settle = (): void => {
    const left = members.filter(isAtWork);
    if (left.length === 0 || left.some(({ lost }) => lost === undefined)) return;
    const isDone = following.finished !== undefined && members.some(({ code }) => code === 0);
    if (!run.control.stopping && !isDone) return;
    followed.isLeft = !isDone;
    over.abort();
  };
  const tell = (): void => {
    for (const member of members) if (isAtWork(member) && member.lost === undefined) void tellWish(run, member);
    settle();
  };
  const heard = (member: Member, lost?: string): void => {
    const { name } = member.host;
    const wasLost = member.lost !== undefined;
    member.lost = lost;
    if (lost !== undefined) {
      void run.recorder.note(`no connection to ${name} (${lost}); the training goes on there`, 'warning');
      settle();
    } else if (wasLost) {
      void run.recorder.note(`there is a connection to ${name} again`);
      // A wish of meanwhile has not arrived.
      tell();
    }
    if (wasLost !== (lost !== undefined)) tellRecord(run, members);
  };
  // Each hears its line whole before the next, whoever tells it.
  let hearing = Promise.resolve();
  const follow = async (member: Member): Promise<void> => {
    const { host, folder, starting } = member;
    const lines = host.follow(`${folder}/events`, starting, over.signal, (lost) => heard(member, lost));
    for await (const line of lines) {
      const exit = EXIT.exec(line);
      if (exit) {
        member.code = Number(exit[1]);
        if (member.code === 0 || !starting.comesAgain) break;
        continue;
      }
      // A job that Slurm has put into its queue again.
      delete member.code;
      await (hearing = hearing.then(() => following.hearLine(line, first)));
    }
    if (over.signal.aborted) return;
    member.isGone = member.code === undefined;
    if (member.code !== 0) {
      followed.first ??= member;
      await endOthers(members.filter((one) => isAtWork(one) && one.lost === undefined));
      if (members.length > 1) over.abort();
    }
    settle();
  };
  const stopListening = run.control.listen(tell);
  if (run.control.stopping || run.control.paused) tell();
  try {
    await Promise.all(members.map(follow));
  } finally {
    stopListening();
    over.abort();
  }
  return followed;
}

const endOthers = (others: readonly Member[]): Promise<unknown> =>
  Promise.all(others.map(({ host, starting }) => host.run(starting.end)));

/** Those that can be asked, as far as it is known. */
export const reachable = (members: readonly Member[]): Member[] => members.filter(({ lost }) => lost === undefined);

/** A record that cannot be written now is written with the next. */
function tellRecord(run: PreparedRun, members: readonly Member[]): void {
  const [name, ...others] = members.map(({ host }) => host.name);
  const away = members.find(({ lost }) => lost !== undefined);
  const lost = away && {
    since: new Date().toISOString(),
    reason: away.lost!,
    host: others.length > 0 ? away.host.name : undefined,
  };
  const host = { name: name!, others: others.length > 0 ? others : undefined, lost };
  void run.recorder.update({ host }).catch(() => undefined);
}

/** One that does not arrive is told again when there is a connection. */
async function tellWish({ control }: PreparedRun, { host, folder, starting }: Member): Promise<void> {
  const wish = control.stopping ? 'stop' : control.paused ? 'pause' : 'run';
  const file = quoted(`${folder}/control.json`);
  await host.run(
    `cat > ${file}.new && mv ${file}.new ${file}${wish === 'stop' ? `; ${starting.cancel}` : ''}`,
    Buffer.from(`${JSON.stringify({ wish })}\n`),
  );
}
