/** @file A proxy that lets connections through and says which. */

import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';

export interface Proxy {
  address: string;
  /** `host:port` of each connection. */
  through: (string | undefined)[];
  close: () => void;
}

export async function startProxy(): Promise<Proxy> {
  const through: (string | undefined)[] = [];
  const sockets: Socket[] = [];
  const server = createServer().listen(0, '127.0.0.1');
  server.on('connect', (request, socket: Socket) => {
    through.push(request.url);
    const [host, port] = request.url!.split(':');
    const upstream = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      upstream.pipe(socket).pipe(upstream);
    });
    sockets.push(socket, upstream);
  });
  await once(server, 'listening');
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    through,
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
