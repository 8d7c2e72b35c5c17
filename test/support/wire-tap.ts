import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** A TCP relay in front of a server: what its clients wrote can be read afterwards. */
export interface WireTap {
  readonly port: number;
  /** Everything that was sent to the server, connection after connection; literals included. */
  sent(): string;
  stop(): Promise<void>;
}

export async function startWireTap(target: number): Promise<WireTap> {
  const connections: Buffer[][] = [];
  const sockets = new Set<Socket>();
  const server = createServer(client => {
    const sent: Buffer[] = [];
    connections.push(sent);
    const upstream = connect(target, '127.0.0.1');
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      from.setNoDelay(true);
      from.on('error', () => {});
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
    client.on('data', (chunk: Buffer) => sent.push(chunk));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    port: address.port,
    sent: () => connections.map(sent => Buffer.concat(sent).toString('latin1')).join('\n'),
    stop: async () => {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}
