import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

export interface Gate {
  readonly port: number;
  /** Breaks every connection and accepts no more, as a fallen network does. */
  shut(): Promise<void>;
  open(): Promise<void>;
}

/** A way to a port of this machine that a test can shut. */
export async function openGate(target: number): Promise<Gate> {
  const sockets = new Set<Socket>();
  let port = 0;
  let server: Server | null = null;

  const open = async (): Promise<void> => {
    server = createServer(near => {
      const far = connect(target, '127.0.0.1');
      for (const socket of [near, far]) {
        sockets.add(socket);
        socket.on('error', () => {});
        socket.on('close', () => sockets.delete(socket));
      }
      near.pipe(far).pipe(near);
    });
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    port = address.port;
  };
  await open();
  return {
    port,
    open,
    shut: async () => {
      if (server === null) return;
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
      server = null;
    },
  };
}
