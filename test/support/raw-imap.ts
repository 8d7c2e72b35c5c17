/** An IMAP connection that shows every octet: what goes out is what the test writes, what comes in is kept as it is. */
import { once } from 'node:events';
import { connect as connectPlain, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { constants, createDeflateRaw, createInflateRaw } from 'node:zlib';
import { eventually } from './processes.ts';

export interface Reply {
  /** `OK`, `NO` or `BAD`. */
  readonly status: string;
  /** The tagged line without its CRLF. */
  readonly line: string;
  /** Responses before it, literals included, each with its CRLF. */
  readonly untagged: readonly Buffer[];
  /** Everything, tagged line included. */
  readonly raw: Buffer;
}

const CRLF = Buffer.from('\r\n');
const LITERAL = /~?\{(\d+)\+?\}$/;

export class RawImap {
  #socket: Socket;
  #buffer: Buffer = Buffer.alloc(0);
  #incoming: Buffer[] = [];
  #incomingLength = 0;
  /** Octets without which another look at the buffer would find nothing new: the end of a literal. */
  #needed = 0;
  #responses: Buffer[] = [];
  #ended = false;
  #wake = () => {};
  #tags = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#listen(socket);
  }

  static async connect(port: number, options: { readonly ca?: string } = {}): Promise<RawImap> {
    const socket =
      options.ca === undefined
        ? connectPlain(port, '127.0.0.1')
        : connectTls({ port, host: '127.0.0.1', ca: options.ca, servername: 'localhost' });
    await once(socket, options.ca === undefined ? 'connect' : 'secureConnect');
    return new RawImap(socket);
  }

  /** Connected, greeted and logged in. */
  static async login(port: number, user: string, password: string, ca?: string): Promise<RawImap> {
    const client = await RawImap.connect(port, { ca });
    await client.response();
    await client.ok(`LOGIN ${user} ${password}`);
    return client;
  }

  #listen(socket: Socket): void {
    const ended = () => {
      this.#ended = true;
      this.#wake();
    };
    socket.on('data', (chunk: Buffer) => {
      this.#incoming.push(chunk);
      this.#incomingLength += chunk.length;
      this.#wake();
    });
    socket.on('error', ended);
    socket.on('close', ended);
  }

  get socket(): Socket {
    return this.#socket;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Resolves when the octets have been handed to the system: a peer that does not read holds it back. */
  send(data: string | Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      const done = (error?: Error | null) => (error ? reject(error) : resolve());
      if (typeof data === 'string') this.#socket.write(data, 'latin1', done);
      else this.#socket.write(data, done);
    });
  }

  /** Next response (one line with its literals), null at the end of the connection. */
  async response(timeout = 20_000): Promise<Buffer | null> {
    const deadline = Date.now() + timeout;
    for (;;) {
      this.#parse();
      const next = this.#responses.shift();
      if (next !== undefined) return next;
      if (this.#ended) return null;
      const left = deadline - Date.now();
      if (left <= 0) throw new Error(`no response within ${timeout} ms; so far: ${this.#buffer.toString('latin1')}`);
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>(resolve => {
        this.#wake = resolve;
        timer = setTimeout(resolve, left);
      });
      clearTimeout(timer);
    }
  }

  #parse(): void {
    if (this.#buffer.length + this.#incomingLength < this.#needed) return;
    this.#buffer = Buffer.concat([this.#buffer, ...this.#incoming]);
    this.#incoming = [];
    this.#incomingLength = 0;
    for (;;) {
      let from = 0;
      let end = -1;
      for (;;) {
        const line = this.#buffer.indexOf(CRLF, from);
        if (line === -1) {
          this.#needed = this.#buffer.length + 1;
          return;
        }
        const literal = LITERAL.exec(this.#buffer.subarray(from, line).toString('latin1'));
        if (literal === null) {
          end = line + CRLF.length;
          break;
        }
        from = line + CRLF.length + Number(literal[1]);
        if (from > this.#buffer.length) {
          this.#needed = from;
          return;
        }
      }
      this.#responses.push(this.#buffer.subarray(0, end));
      this.#buffer = this.#buffer.subarray(end);
    }
  }

  /** Everything up to the tagged response. */
  async reply(tag: string, timeout = 20_000): Promise<Reply> {
    const untagged: Buffer[] = [];
    for (;;) {
      const response = await this.response(timeout);
      if (response === null) throw new Error(`connection closed before ${tag}: ${Buffer.concat(untagged)}`);
      if (response.subarray(0, tag.length + 1).toString('latin1') === `${tag} `) {
        const line = response.toString('latin1').trimEnd();
        const status = line.split(' ')[1] ?? '';
        return { status, line, untagged, raw: Buffer.concat([...untagged, response]) };
      }
      untagged.push(response);
    }
  }

  /** Sends one command under a tag of its own and reads its reply. */
  async command(text: string, timeout?: number): Promise<Reply> {
    this.#tags += 1;
    const tag = `t${this.#tags}`;
    await this.send(`${tag} ${text}\r\n`);
    return this.reply(tag, timeout);
  }

  async ok(text: string, timeout?: number): Promise<Reply> {
    const reply = await this.command(text, timeout);
    if (reply.status !== 'OK') throw new Error(`${text}: ${reply.line}`);
    return reply;
  }

  /** APPEND with a synchronising literal; the continuation is awaited. @param options flags and date, as on the wire */
  async append(mailbox: string, raw: Uint8Array, options = ''): Promise<Reply> {
    this.#tags += 1;
    const tag = `t${this.#tags}`;
    await this.send(`${tag} APPEND ${mailbox} ${options === '' ? '' : `${options} `}{${raw.length}}\r\n`);
    const first = await this.response();
    if (first === null) throw new Error('connection closed in APPEND');
    if (!first.toString('latin1').startsWith('+')) {
      const line = first.toString('latin1').trimEnd();
      return { status: line.split(' ')[1] ?? '', line, untagged: [], raw: first };
    }
    await this.send(raw);
    await this.send('\r\n');
    return this.reply(tag, 60_000);
  }

  /** Turns the connection into TLS after the OK to STARTTLS. */
  async startTls(ca: string): Promise<void> {
    this.#socket.removeAllListeners('data');
    this.#socket.removeAllListeners('close');
    const socket = connectTls({ socket: this.#socket, ca, servername: 'localhost' });
    await once(socket, 'secureConnect');
    this.#socket = socket;
    this.#listen(socket);
  }

  /** COMPRESS DEFLATE (RFC 4978), with a flush of zlib's after each write. */
  async compress(flush: number = constants.Z_SYNC_FLUSH): Promise<void> {
    await this.ok('COMPRESS DEFLATE');
    const plain = this.#socket;
    plain.removeAllListeners('data');
    // The end is that of what has been inflated, not that of the socket.
    plain.removeAllListeners('close');
    const readable = createInflateRaw({ flush: constants.Z_SYNC_FLUSH, finishFlush: constants.Z_SYNC_FLUSH });
    const writable = createDeflateRaw({ flush });
    if (this.#buffer.length > 0) throw new Error('octets behind the OK to COMPRESS');
    plain.pipe(readable);
    writable.pipe(plain);
    const both = new Duplex({
      read: () => {
        readable.resume();
      },
      write: (chunk, _encoding, done) => {
        writable.write(chunk, done);
      },
    }) as Socket;
    readable.on('data', chunk => {
      if (!both.push(chunk)) readable.pause();
    });
    readable.on('end', () => both.push(null));
    readable.on('error', error => both.destroy(error));
    plain.on('error', error => both.destroy(error));
    plain.on('close', () => {
      if (!plain.readableEnded) both.destroy();
    });
    both.on('end', () => both.destroy());
    both.on('close', () => plain.destroy());
    this.#socket = both;
    this.#listen(both);
  }

  /** Waits until the server has closed the connection. */
  async closed(): Promise<void> {
    await eventually('the server to close the connection', () => this.#ended);
  }

  close(): void {
    this.#socket.destroy();
  }
}

/** The one literal of a FETCH response: a message's body. */
export function literalOf(response: Uint8Array): Buffer {
  const bytes = Buffer.from(response);
  const match = /\{(\d+)\}\r\n/.exec(bytes.toString('latin1'));
  if (match === null) throw new Error(`no literal in ${bytes.subarray(0, 200).toString('latin1')}`);
  const start = match.index + match[0].length;
  return bytes.subarray(start, start + Number(match[1]));
}
