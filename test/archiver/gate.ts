import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

export interface Gate {
  readonly port: number;
  /** Breaks every connection and accepts no more, as a fallen network does. */
  shut(): Promise<void>;
  open(): Promise<void>;
  /** Breaks so many of the next connections, each after the given octets have come from the target. */
  cut(times: number, octets: number): void;
  /** How many are still to be broken. */
  readonly cutsLeft: number;
}

/** A way to a port of this machine that a test can shut. */
export async function openGate(target: number): Promise<Gate> {
  const sockets = new Set<Socket>();
  let port = 0;
  let server: Server | null = null;
  let cuts = { times: 0, octets: 0 };

  const open = async (): Promise<void> => {
    server = createServer(near => {
      const far = connect(target, '127.0.0.1');
      for (const socket of [near, far]) {
        sockets.add(socket);
        socket.on('error', () => {});
        socket.on('close', () => sockets.delete(socket));
      }
      near.pipe(far);
      let passed = 0;
      far.on('data', (chunk: Buffer) => {
        passed += chunk.length;
        if (cuts.times > 0 && passed > cuts.octets) {
          cuts.times -= 1;
          near.write(chunk.subarray(0, Math.max(0, chunk.length - (passed - cuts.octets))), () => near.destroy());
          far.destroy();
        } else if (!near.write(chunk)) {
          far.pause();
          near.once('drain', () => far.resume());
        }
      });
      far.on('close', () => near.end());
      near.on('close', () => far.destroy());
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
    cut: (times, octets) => {
      cuts = { times, octets };
    },
    get cutsLeft() {
      return cuts.times;
    },
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
