/** @file Asks a running runner something, over the socket that its `run.json` names. */

import { createConnection, type Socket } from 'node:net';
import { createMessageConnection, SocketMessageReader, SocketMessageWriter } from 'vscode-jsonrpc/node';
import type { RunnerMethod, RunnerRequests } from '../../protocol/runner';
import { askedError } from '../base/failure';

/** Rejects with what the runner has thrown, or where nobody listens on the socket. */
export async function askRunner<M extends RunnerMethod>(
  socketPath: string,
  method: M,
): Promise<RunnerRequests[M]['result']> {
  const socket = await connect(socketPath);
  const connection = createMessageConnection(new SocketMessageReader(socket), new SocketMessageWriter(socket));
  const ended = new Promise<never>((_, reject) => {
    connection.onClose(() => reject(new Error('The runner ended before it answered.')));
  });
  try {
    connection.listen();
    return await Promise.race([connection.sendRequest<RunnerRequests[M]['result']>(method), ended]);
  } catch (error) {
    throw askedError(error);
  } finally {
    connection.dispose();
    socket.destroy();
  }
}

function connect(path: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(path);
    socket.once('connect', () => resolve(socket));
    socket.once('error', reject);
  });
}
