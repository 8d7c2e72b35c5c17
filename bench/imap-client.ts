/** The client of the benches: counts or digests what comes, keeps nothing, parses nothing but the tagged line. */
import { once } from 'node:events';
import { connect as connectPlain, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

/** A tagged line is never longer. */
const TAIL = 1_000;

export class BenchClient {
  readonly #socket: Socket;
  #tags = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('error', () => {});
  }

  /** @param ca PEM of the authority for TLS; null for clear text */
  static async login(port: number, ca: string | null, user: string, password: string): Promise<BenchClient> {
    const socket =
      ca === null
        ? connectPlain(port, '127.0.0.1')
        : connectTls({ port, host: '127.0.0.1', ca, servername: 'localhost' });
    await once(socket, ca === null ? 'connect' : 'secureConnect');
    const client = new BenchClient(socket);
    // The greeting: imap-core would say it behind the answer to a command that came early.
    await once(socket, 'data');
    await client.command(`LOGIN ${user} ${password}`);
    return client;
  }

  /**
   * Sends a command and waits for its tagged OK.
   * @param onData sees every octet, the tagged line included
   * @returns the end of what came, tagged line included
   */
  async command(text: string, onData?: (chunk: Buffer) => void): Promise<string> {
    const tag = `b${++this.#tags}`;
    const end = new RegExp(`(?:^|\\r\\n)${tag} ([A-Z]+)[^\\r\\n]*\\r\\n$`);
    let tail = '';
    const answered = Promise.withResolvers<string>();
    const take = (chunk: Buffer) => {
      onData?.(chunk);
      tail = (tail + chunk.subarray(-TAIL).toString('latin1')).slice(-TAIL);
      if (tail.endsWith('\r\n') && end.test(tail)) answered.resolve(end.exec(tail)?.[1] ?? '');
    };
    const closed = () => answered.reject(new Error(`connection closed in ${text}`));
    this.#socket.on('data', take);
    this.#socket.once('close', closed);
    this.#socket.write(`${tag} ${text}\r\n`);
    const status = await answered.promise;
    this.#socket.off('data', take);
    this.#socket.off('close', closed);
    if (status !== 'OK') throw new Error(`${text}: ${tail}`);
    return tail;
  }

  /** Octets of a command's answer and the time it took, milliseconds. */
  async measure(text: string): Promise<{ octets: number; milliseconds: number }> {
    let octets = 0;
    const start = performance.now();
    await this.command(text, chunk => {
      octets += chunk.length;
    });
    return { octets, milliseconds: performance.now() - start };
  }

  close(): void {
    this.#socket.destroy();
  }
}
