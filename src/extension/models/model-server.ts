/** @file The process that answers what models say of texts. It starts with the first question and keeps the models loaded. */

import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import {
  CancellationToken,
  createMessageConnection,
  ProgressType,
  StreamMessageReader,
  StreamMessageWriter,
  type MessageConnection,
} from 'vscode-jsonrpc/node';
import { askedError } from '../base/failure';
import type { CompleteParams, CompletionProgress, ServeMethod, ServeRequests } from '../../protocol/runner';

/** Milliseconds without a question after which its memory is given back. */
const idleTime = 10 * 60_000;

interface Running {
  child: ChildProcessWithoutNullStreams;
  connection: MessageConnection;
  /** Rejects when the process has ended. */
  ended: Promise<never>;
}

export class ModelServer {
  #running: Running | undefined;
  #idle: NodeJS.Timeout | undefined;
  #pending = 0;
  #progress = 0;

  constructor(
    /** The runner's program. */
    private readonly program: string,
    /** Told each line that the process complains of. */
    private readonly complain: (line: string) => void,
    /** Throws where nothing may be run. */
    private readonly requireTrust: () => void,
    /** For what the editor's own environment does not say. */
    private readonly environment: NodeJS.ProcessEnv = {},
  ) {}

  /** Rejects with what the process has thrown, where it ends before it answers, and when `token` is cancelled. */
  async ask<M extends ServeMethod>(
    method: M,
    params: ServeRequests[M]['params'],
    token: CancellationToken = CancellationToken.None,
  ): Promise<ServeRequests[M]['result']> {
    this.requireTrust();
    clearTimeout(this.#idle);
    const { connection, ended } = (this.#running ??= this.#start());
    this.#pending++;
    try {
      return await Promise.race([connection.sendRequest<ServeRequests[M]['result']>(method, params, token), ended]);
    } catch (error) {
      throw askedError(error);
    } finally {
      if (--this.#pending === 0) this.#idle = setTimeout(() => this.dispose(), idleTime);
    }
  }

  /** As `ask('complete', …)`, told of each token as it comes. */
  async complete(
    params: Omit<CompleteParams, 'progress'>,
    onToken: (progress: CompletionProgress) => void,
    token?: CancellationToken,
  ): Promise<ServeRequests['complete']['result']> {
    this.requireTrust();
    const { connection } = (this.#running ??= this.#start());
    const progress = ++this.#progress;
    const listener = connection.onProgress(new ProgressType<CompletionProgress>(), progress, onToken);
    try {
      return await this.ask('complete', { ...params, progress }, token);
    } finally {
      listener.dispose();
    }
  }

  /** Its input is a pipe from this process, so it ends with it, however that ends. */
  #start(): Running {
    const child = spawn(process.execPath, [this.program, 'serve'], {
      windowsHide: true,
      stdio: 'pipe',
      env: { ...this.environment, ...process.env, ELECTRON_RUN_AS_NODE: '1' },
    });
    const connection = createMessageConnection(
      new StreamMessageReader(child.stdout),
      new StreamMessageWriter(child.stdin),
    );
    child.stderr.on('data', (bytes: Buffer) => {
      for (const line of bytes.toString().split(/\r?\n/)) if (line.trim() !== '') this.complain(line);
    });
    const ended = new Promise<never>((_, reject) => {
      const end = (why: string): void => {
        if (this.#running?.child === child) this.#running = undefined;
        connection.dispose();
        reject(new Error(why));
      };
      child.once('error', (error) => end(`The models cannot be asked: ${error.message}.`));
      child.once('exit', (code) => end(`The process that holds the models has ended (${code ?? 'killed'}).`));
    });
    // Nobody may be asking when it ends.
    ended.catch(() => undefined);
    connection.onError(() => child.kill());
    connection.listen();
    return { child, connection, ended };
  }

  /** Ends the process whatever it does; the next question starts another. */
  kill(): void {
    const running = this.#running;
    this.dispose();
    running?.child.kill('SIGKILL');
  }

  dispose(): void {
    clearTimeout(this.#idle);
    const running = this.#running;
    this.#running = undefined;
    running?.child.stdin.end();
  }
}
