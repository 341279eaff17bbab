/** @file A host that the person names, over the system's own ssh: commands, folders there and back, a file that grows. */

import { spawn, type ChildProcess } from 'node:child_process';
import os from 'node:os';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { complaint, ComplaintError } from '../../protocol/problem';
import { hostPattern } from '../../protocol/torchrun';

/** What ssh ends with where there is no connection (ssh(1)); anything else is the command's own. */
export const NO_CONNECTION = 255;

/** Between two attempts to reach a host again: the first, and the longest after doubling. */
const PATIENCE_MS = { first: 1000, most: 60_000 };

/** Said by the other side where there is a connection, before the lines of a file. */
const FOLLOWS = 'distillery-follows';

export interface Said {
  code: number | null;
  output: string;
  errors: string;
}

/** Some systems look for programs in the current folder first, which may be a stranger's. */
const safely = { cwd: os.homedir(), stdio: 'pipe', windowsHide: true } as const;

/** A word that a shell takes as it is. */
export const quoted = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;

export class Host {
  /** Whether it is this machine. */
  readonly isHere: boolean = false;

  /** @throws ComplaintError where ssh could take the name for something else */
  constructor(readonly name: string) {
    if (!hostPattern.test(name)) throw new ComplaintError(complaint('torchrun-host-named', { host: name }));
  }

  /** Runs a script of the POSIX shell there, whatever the person's own shell is; `input` is its standard input. */
  async run(script: string, input?: Buffer): Promise<Said> {
    const child = this.start(script);
    child.stdin!.on('error', () => undefined);
    child.stdin!.end(input);
    return outcomeOf(child);
  }

  /** @throws ComplaintError where it cannot be reached, or the script fails */
  async ask(script: string, input?: Buffer): Promise<string> {
    const { code, output, errors } = await this.run(script, input);
    if (code === 0) return output;
    throw this.failure({ code, output, errors }, code);
  }

  /**
   * Starts a script that says a line beginning with `start`, and goes on until its input ends.
   * @throws ComplaintError where it ends before
   */
  async open(script: string, start: string): Promise<{ line: string; end: () => Promise<void> }> {
    const child = this.start(script);
    child.stdin!.on('error', () => undefined);
    const ended = outcomeOf(child, false);
    const lines = createInterface({ input: child.stdout! });
    const said = new Promise<string>((resolve) => lines.on('line', (line) => line.startsWith(start) && resolve(line)));
    const first = await Promise.race([said, ended]);
    if (typeof first !== 'string') throw this.failure(first, first.code);
    const end = async (): Promise<void> => {
      child.stdin!.end();
      await ended;
    };
    return { line: first, end };
  }

  /** Puts files and folders of a folder here into one there, over what is there. */
  async send(folder: string, names: readonly string[], there: string): Promise<void> {
    const packed = spawn('tar', ['-cf', '-', '-C', folder, '--', ...names], safely);
    const child = this.start(`mkdir -p ${quoted(there)} && tar -xf - -C ${quoted(there)}`);
    child.stdin!.on('error', () => undefined);
    packed.stdout.pipe(child.stdin!);
    await this.bothDone(packed, child);
  }

  /** Copies what is there of these names, in a folder there, into one here that nobody else writes. */
  async fetch(there: string, names: readonly string[], folder: string): Promise<void> {
    const unpacked = spawn('tar', ['-xf', '-', '-C', folder], safely);
    const listed = names.map((name) => `if [ -e ${quoted(name)} ]; then set -- "$@" ${quoted(name)}; fi`).join('; ');
    const child = this.start(`cd ${quoted(there)} && { ${listed}; [ $# -eq 0 ] || exec tar -cf - -- "$@"; }`);
    child.stdin!.end();
    // Where there is nothing the archive is empty, which not every tar reads.
    let isEmpty = true;
    child.stdout!.once('data', () => (isEmpty = false));
    unpacked.stdin.on('error', () => undefined);
    child.stdout!.pipe(unpacked.stdin);
    await this.bothDone(unpacked, child, () => isEmpty);
  }

  /**
   * Lines of a file there, from its first on, as long as a script there succeeds that is run every so many seconds. A connection that is lost is made
   * again, however long that takes, and nothing is told twice. `connection` hears of each time that there is one, and, with what ssh says, that
   * there is none any more.
   */
  async *follow(
    file: string,
    { isAlive, every }: { isAlive: string; every: number },
    signal: AbortSignal,
    connection: (lost?: string) => void,
  ): AsyncGenerator<string, void> {
    let [told, patience, isLost] = [0, PATIENCE_MS.first, false];
    const isOver = (): boolean => signal.aborted;
    while (!isOver()) {
      // What was written last is read after the process has gone: the wait is for tail, which looks once a second.
      const child = this.start(
        `echo ${FOLLOWS}; tail -n +${told + 1} -f ${quoted(file)} & reading=$!; trap 'kill $reading' EXIT; trap 'exit 1' HUP TERM; while ${isAlive}; do sleep ${every} > /dev/null 2>&1 < /dev/null & wait $!; done; sleep 2`,
      );
      child.stdin!.end();
      const ended = outcomeOf(child, false);
      const stop = (): void => void child.kill();
      signal.addEventListener('abort', stop, { once: true });
      try {
        let follows = false;
        for await (const line of createInterface({ input: child.stdout! })) {
          if (follows) {
            told++;
            yield line;
          } else if (line === FOLLOWS) {
            // What stands before it is said by the person's own shell there.
            [follows, patience, isLost] = [true, PATIENCE_MS.first, false];
            connection();
          }
        }
      } finally {
        signal.removeEventListener('abort', stop);
        child.kill();
      }
      const { code, errors } = await ended;
      if (code === 0 || isOver()) return;
      if (!isLost) connection(lastLine(errors) || 'ssh has ended');
      isLost = true;
      await delay(patience, undefined, { signal }).catch(() => undefined);
      patience = Math.min(2 * patience, PATIENCE_MS.most);
    }
  }

  protected start(script: string): ChildProcess {
    // Nobody is asked for a password, who may not be there; a connection that is dead is known to be after three quarters of a minute.
    const options = ['BatchMode=yes', 'ConnectTimeout=15', 'ServerAliveInterval=15', 'ServerAliveCountMax=3'];
    const args = [
      '-T',
      ...options.flatMap((option) => ['-o', option]),
      '--',
      this.name,
      `exec sh -c ${quoted(script)}`,
    ];
    return spawn(process.env.DISTILLERY_SSH ?? 'ssh', args, safely);
  }

  /** `mayFail`: whether what is done here counts for nothing. */
  private async bothDone(local: ChildProcess, remote: ChildProcess, mayFail = () => false): Promise<void> {
    const [here, there] = await Promise.all([outcomeOf(local, false), outcomeOf(remote, false)]);
    const failed = there.code !== 0 ? there : here;
    if (failed.code === 0 || (failed === here && mayFail())) return;
    throw this.failure(failed, there.code);
  }

  /** @param code ssh's, which says whether there was a connection */
  private failure(failed: Said, code: number | null): ComplaintError {
    const said = lastLine(failed.errors);
    const reason = said === '' ? `exit code ${failed.code ?? 'none'}` : said;
    const isUnreachable = code === NO_CONNECTION;
    return new ComplaintError(
      complaint(isUnreachable ? 'torchrun-host-unreachable' : 'torchrun-host-failed', { host: this.name, reason }),
    );
  }
}

/** This machine, asked in the same way: it may be one from which jobs are submitted. */
export class ThisMachine extends Host {
  override readonly isHere = true;

  constructor() {
    super('localhost');
  }

  protected override start(script: string): ChildProcess {
    return spawn('/bin/sh', ['-c', script], safely);
  }
}

const lastLine = (text: string): string => text.trim().split('\n').at(-1)!;

/** Most that is kept of what a command says. */
const MOST_OUTPUT = 1 << 20;

/** A program that is not there has said why. `reads`: also its standard output, which somebody else reads otherwise. */
function outcomeOf(child: ChildProcess, reads = true): Promise<Said> {
  let [output, errors] = ['', ''];
  if (reads) child.stdout!.on('data', (chunk: Buffer) => (output = (output + chunk.toString()).slice(-MOST_OUTPUT)));
  child.stderr!.on('data', (chunk: Buffer) => (errors = (errors + chunk.toString()).slice(-MOST_OUTPUT)));
  return new Promise((resolve) => {
    child.once('error', (error) => resolve({ code: NO_CONNECTION, output, errors: error.message }));
    child.once('close', (code) => resolve({ code, output, errors }));
  });
}
