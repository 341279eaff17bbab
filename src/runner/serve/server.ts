/** @file Answers JSON-RPC on a local socket that only its user may open. */

import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createMessageConnection, SocketMessageReader, SocketMessageWriter } from 'vscode-jsonrpc/node';
import { lstatSync } from 'node:fs';
import { readName, stateOf, thisProcess, writtenName } from '../../run-directory/processes';
import { rejection } from './failure';
import type { RunnerMethod, RunnerRequests } from '../../protocol/runner';

export type RunnerHandlers = { [Method in RunnerMethod]: () => Promise<RunnerRequests[Method]['result']> };

export interface RunnerServer {
  /** Path of the socket, or name of the pipe on Windows. */
  socket: string;
  close(): Promise<void>;
}

export async function serveRunner(handlers: RunnerHandlers): Promise<RunnerServer> {
  const sockets = new Set<net.Socket>();
  const pending = new Set<Promise<unknown>>();
  const tracked = (handler: () => Promise<unknown>) => () => {
    const answer = handler()
      .catch(rejection)
      .finally(() => pending.delete(answer));
    pending.add(answer);
    return answer;
  };
  const server = net.createServer((socket) => {
    const reader = new SocketMessageReader(socket);
    // Its timer goes on after the socket's end where that came within a message, and would keep the process.
    reader.partialMessageTimeout = 0;
    const connection = createMessageConnection(reader, new SocketMessageWriter(socket));
    for (const [method, handler] of Object.entries(handlers)) connection.onRequest(method, tracked(handler));
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    // A client that goes away in the middle of a message is no concern of the run.
    connection.onError(() => {
      connection.dispose();
      socket.destroy();
    });
    connection.listen();
  });
  const folder = process.platform === 'win32' ? undefined : await makeSocketFolder();
  const socket = folder ? path.join(folder, 'runner.sock') : `\\\\.\\pipe\\distillery-${process.pid}-${Date.now()}`;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(socket, resolve);
  });
  return {
    socket,
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      // Answers still on their way are sent, which takes a turn; clients that stay do not hold the run's end up.
      await Promise.allSettled(pending);
      await nextTurn();
      for (const socket of sockets) socket.destroySoon();
      await closed;
      if (folder) await rm(folder, { recursive: true, force: true });
    },
  };
}

const FOLDER = 'distillery-';
const OWNER = 'of.';

/** A folder that no other user can enter, so that neither can they reach the socket in it. Those of dead processes are removed. */
async function makeSocketFolder(): Promise<string> {
  await sweepSocketFolders().catch(() => undefined);
  const folder = await mkdtemp(path.join(os.tmpdir(), FOLDER));
  await writeFile(path.join(folder, OWNER + writtenName(await thisProcess())), '');
  return folder;
}

/** Removes what runners that were killed left: a file in the folder says whose it was. */
async function sweepSocketFolders(): Promise<void> {
  const [temporary, { uid }] = [os.tmpdir(), os.userInfo()];
  const made = new RegExp(`^${FOLDER}[A-Za-z0-9]{6}$`); // As mkdtemp names it: others that begin so may be many.
  const names = (await readdir(temporary)).filter((name) => made.test(name));
  for (const folder of names.map((name) => path.join(temporary, name))) {
    const found = lstatSync(folder, { throwIfNoEntry: false });
    if (!found?.isDirectory() || found.uid !== uid) continue;
    const owner = (await readdir(folder)).find((name) => name.startsWith(OWNER));
    const maker = owner === undefined ? undefined : readName(owner.slice(OWNER.length));
    if (maker && (await stateOf(maker)) === 'ended') await rm(folder, { recursive: true, force: true });
  }
}
