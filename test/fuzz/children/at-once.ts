/**
 * @file Lets asynchronous calls of the file system be carried out at once. A call that goes to a thread and back costs ten times the reading of a small file;
 * what is read, and the errors, are the same. The program itself knows nothing of it: functions of node:fs are replaced.
 */

import fs from 'node:fs';

type Anything = (...args: unknown[]) => unknown;
type Done = (error: unknown, ...results: unknown[]) => void;
type Functions = Record<string, Anything>;

/** An open file, as the readers use one. */
class Handle {
  constructor(readonly fd: number) {}

  read(target: NodeJS.ArrayBufferView, offset?: number, length?: number, position?: number | null): Promise<unknown> {
    return attempt(() => {
      const bytesRead = fs.readSync(this.fd, target, offset ?? 0, length ?? target.byteLength, position ?? null);
      return { bytesRead, buffer: target };
    });
  }

  write(data: NodeJS.ArrayBufferView, offset?: number, length?: number, position?: number | null): Promise<unknown> {
    return attempt(() => ({ bytesWritten: fs.writeSync(this.fd, data, offset, length, position), buffer: data }));
  }

  readFile(options?: BufferEncoding): Promise<unknown> {
    return attempt(() => fs.readFileSync(this.fd, options));
  }

  stat(options?: { bigint: true }): Promise<unknown> {
    return attempt(() => fs.fstatSync(this.fd, options as undefined));
  }

  truncate(length?: number): Promise<unknown> {
    return attempt(() => fs.ftruncateSync(this.fd, length));
  }

  sync(): Promise<unknown> {
    return attempt(() => fs.fsyncSync(this.fd));
  }

  close(): Promise<unknown> {
    return attempt(() => fs.closeSync(this.fd));
  }

  /** It reads through this file, so that whoever stands before that sees it. */
  createReadStream(options: object): fs.ReadStream {
    const read = (_fd: number, buffer: Buffer, offset: number, length: number, position: number, done: Done): void =>
      void this.read(buffer, offset, length, position).then((result) => {
        done(null, (result as { bytesRead: number }).bytesRead, buffer);
      }, done);
    const close = (_fd: number, done: Done): void => void this.close().then(() => done(null), done);
    return fs.createReadStream('', { ...options, fd: this.fd, fs: { read, close } });
  }
}

/** What it throws is what the promise is rejected with. */
const attempt = <T>(work: () => T): Promise<T> => new Promise((resolve) => resolve(work()));

/** To be called once, before the program opens a file. */
export function readAtOnce(): void {
  const [plain, promises] = [fs, fs.promises] as unknown as [Functions, Functions];
  const real = { ...plain };
  for (const name of Object.keys(promises)) {
    const sync = real[`${name}Sync`];
    if (sync && name !== 'open') promises[name] = (...args) => attempt(() => sync(...args));
  }
  promises.open = (...args) => attempt(() => new Handle(real.openSync!(...args) as number));
  // Those of streams, and those that take a file's number.
  for (const name of ['open', 'read', 'write', 'close', 'fstat', 'fsync']) {
    const sync = real[`${name}Sync`]!;
    plain[name] = (...args) => {
      const done = args.pop() as Anything;
      let result: unknown;
      try {
        result = sync(...args);
      } catch (error) {
        process.nextTick(done, error);
        return;
      }
      // The buffer comes last.
      process.nextTick(done, null, result, args[1]);
    };
  }
}
