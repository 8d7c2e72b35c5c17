import { connect as connectPlain, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { RemoteConfig } from '../../config/schema.ts';
import { upstreamTls } from '../../store/accounts/upstream-tls.ts';
import { OutgoingBlocks } from '../wire/blocks.ts';
import { LIMITS } from '../wire/limits.ts';
import { Incoming } from './incoming.ts';
import { type Disposition, ResponseSplitter } from './splitter.ts';

const CONNECT_MILLISECONDS = 20_000;
/** From the first octet to a session: an upstream that hangs here would keep every login of the account waiting. */
const LOGIN_MILLISECONDS = 60_000;

/** For the answer to a command that is no work. */
const PROMPT_MILLISECONDS = 15_000;

/** The upstream cannot be reached, closed the connection, or broke the protocol. */
export class UpstreamGone extends Error {
  override readonly name = 'UpstreamGone';
}

/** A tagged answer: `text` is what follows the status, response code included. */
export interface TaggedAnswer {
  readonly status: 'OK' | 'NO' | 'BAD';
  readonly text: string;
}

/** A command that waits for its tagged answer. */
export interface Outstanding {
  readonly tag: string;
  /** One of ours: its work is to be ended, whoever hears of it. */
  readonly own?: boolean;
  /** Looks at untagged responses while the command is the oldest outstanding one; null: not its own. */
  readonly capture?: (line: Buffer) => Disposition | null;
  /** The tagged line has come: what to do with it. A promise holds everything behind it. */
  readonly answered: (answer: TaggedAnswer, line: Buffer) => Promise<void> | undefined;
  readonly failed: (error: UpstreamGone) => void;
  /** `+` came for this command. */
  invited?: (line: Buffer) => void;
}

/** Who hears what the upstream says beside the answers to commands. */
export interface UpstreamListener {
  readonly transparent: boolean;
  untagged(line: Buffer): Disposition;
  /** @param more the response goes on */
  forward(octets: Buffer, more: boolean): boolean;
  /** Resolves when the client can take more. */
  clientDrained(): Promise<void>;
  /** @param midResponse a response to the client was cut short: no well-formed line can follow it */
  closed(error: UpstreamGone, midResponse: boolean): void;
}

/** Text and literals of one of our own commands; a long literal is streamed. */
export type CommandPart = string | Buffer | { readonly size: number; readonly content: AsyncIterable<Uint8Array> };

/**
 * One connection to an upstream. Answers are matched to commands by tag; commands of the client and our own may be
 * outstanding side by side. Credentials never go over clear text unless the configuration says `none`, which is
 * for loopback only.
 */
export class UpstreamConnection {
  #socket: Socket;
  readonly #splitter: ResponseSplitter;
  readonly #passing = new OutgoingBlocks();
  readonly #outstanding: Outstanding[] = [];
  readonly #tagPrefix = `A${Math.random().toString(36).slice(2, 9).toUpperCase()}`;
  #tagCounter = 0;
  #listener: UpstreamListener | null = null;
  #greeting: ((line: string) => void) | null = null;
  #idleWaiters: (() => void)[] = [];
  #roomWaiters: (() => void)[] = [];
  #error: UpstreamGone | null = null;
  #waitingForClient = false;
  readonly #login: NodeJS.Timeout;
  capabilities: ReadonlySet<string> = new Set();

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#login = setTimeout(() => this.#fail(new UpstreamGone('login takes too long')), LOGIN_MILLISECONDS);
    this.#splitter = new ResponseSplitter({
      forward: octets => this.#forward(octets),
      decide: line => this.#decide(line),
      failed: error => this.#fail(new UpstreamGone(error.message)),
      transparent: () => this.#listener?.transparent === true && this.#outstanding[0]?.capture === undefined,
      ready: () => this.#readOn(),
    });
  }

  /** Connects, checks the certificate, waits for the greeting. Rejects with UpstreamGone. */
  static async open(remote: RemoteConfig): Promise<UpstreamConnection> {
    const tls = { ...(await upstreamTls(remote)), servername: isIP(remote.host) ? undefined : remote.host };
    // A socket that TLS is to be put upon must deliver in its own way.
    const incoming = remote.tls === 'starttls' ? null : new Incoming();
    const address = { host: remote.host, port: remote.port, onread: incoming?.onread };
    const socket = await connected(
      remote.tls === 'implicit' ? connectTls({ ...address, ...tls }) : connectPlain(address),
      remote.tls === 'implicit' ? 'secureConnect' : 'connect',
    );
    const upstream = new UpstreamConnection(socket);
    const greeting = upstream.#nextGreeting();
    upstream.#listen(socket, incoming);
    const text = await greeting;
    if (!/^\* OK/i.test(text)) throw upstream.#abandon('upstream does not greet with OK');
    if (remote.tls === 'starttls') {
      const answer = await upstream.command(['STARTTLS']);
      if (answer.status !== 'OK') throw upstream.#abandon('upstream refuses STARTTLS');
      // Half a response, in clear text, would become one with what follows under TLS.
      if (!upstream.#splitter.empty) throw upstream.#abandon('upstream talks behind its answer to STARTTLS');
      // Whatever was said in clear text is forgotten, an injected CAPABILITY too (RFC 3501 section 6.2.1).
      upstream.#unlisten();
      upstream.capabilities = new Set();
      const secured = await connected(connectTls({ socket, host: remote.host, ...tls }), 'secureConnect');
      upstream.#listen(secured, null);
    } else {
      upstream.#learnCapabilities(text);
    }
    if (upstream.capabilities.size === 0) await upstream.askCapabilities();
    return upstream;
  }

  get usable(): boolean {
    return this.#error === null;
  }

  /** From now on untagged data and the client's answers go there. */
  attach(listener: UpstreamListener): void {
    clearTimeout(this.#login);
    this.#listener = listener;
  }

  /** Logs in by AUTHENTICATE PLAIN where offered, else by LOGIN. */
  async logIn(login: string, password: string): Promise<TaggedAnswer> {
    let answer: TaggedAnswer;
    if (this.capabilities.has('AUTH=PLAIN')) {
      const response = Buffer.from(`\0${login}\0${password}`).toString('base64');
      answer = this.capabilities.has('SASL-IR')
        ? await this.command([`AUTHENTICATE PLAIN ${response}`])
        : await this.command(['AUTHENTICATE PLAIN'], { reply: `${response}\r\n` });
    } else {
      answer = await this.command(['LOGIN ', ...quotedOrLiteral(login), ' ', ...quotedOrLiteral(password)]);
    }
    if (answer.status === 'OK') {
      if (!this.#learnCapabilities(answer.text)) await this.askCapabilities();
    }
    return answer;
  }

  async askCapabilities(): Promise<void> {
    await this.command(['CAPABILITY'], {
      capture: line => {
        this.#learnCapabilities(line.toString('latin1'));
        return null;
      },
    });
  }

  /**
   * Sends one of our own commands and resolves with its tagged answer.
   * @param options.capture sees untagged responses meanwhile
   * @param options.reply what to send when the upstream asks with `+`
   */
  async command(
    parts: readonly CommandPart[],
    options: { capture?: (line: Buffer) => Disposition | null; reply?: string } = {},
  ): Promise<TaggedAnswer> {
    const tag = this.#nextTag();
    const { promise, resolve, reject } = Promise.withResolvers<TaggedAnswer>();
    // Whoever waits hears of a failure below; until then it is no unhandled one.
    promise.catch(() => {});
    let over = false;
    let proceed = () => {};
    this.expect({
      tag,
      own: true,
      capture: options.capture,
      answered: answer => {
        over = true;
        resolve(answer);
        proceed();
        return undefined;
      },
      failed: error => {
        over = true;
        reject(error);
        proceed();
      },
      invited: () => {
        if (options.reply !== undefined) void this.write(options.reply);
        proceed();
      },
    });
    let text = `${tag} `;
    for (const part of parts) {
      if (typeof part === 'string') {
        text += part;
        continue;
      }
      const size = Buffer.isBuffer(part) ? part.length : part.size;
      const synchronising = !this.capabilities.has('LITERAL+');
      const permission = new Promise<void>(done => {
        proceed = done;
      });
      await this.write(`${text}{${size}${synchronising ? '' : '+'}}\r\n`);
      if (synchronising) await permission;
      // What is announced without waiting must follow: the upstream counts on it (RFC 7888 section 4).
      if (over && synchronising) return promise;
      if (Buffer.isBuffer(part)) await this.write(part);
      else await this.#stream(part);
      text = '';
    }
    await this.write(`${text}\r\n`);
    return promise;
  }

  /**
   * `command` where nothing else is outstanding and the answer is no work: an upstream that owes it is as good as gone
   * and is given up, before what waits for it has waited for the network to notice.
   */
  async prompt(text: string): Promise<TaggedAnswer> {
    const late = () => this.#fail(new UpstreamGone('upstream does not answer'));
    const timer = setTimeout(late, PROMPT_MILLISECONDS).unref();
    try {
      return await this.command([text]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** A literal that breaks off cannot be taken back: the connection ends, and the upstream drops the command. */
  async #stream(part: { size: number; content: AsyncIterable<Uint8Array> }): Promise<void> {
    let sent = 0;
    try {
      for await (const piece of part.content) {
        await this.write(piece);
        sent += piece.length;
      }
    } finally {
      if (sent !== part.size) this.destroy();
    }
  }

  /** Registers a command whose octets the caller writes. */
  expect(outstanding: Outstanding): void {
    if (this.#error !== null) outstanding.failed(this.#error);
    else this.#outstanding.push(outstanding);
  }

  /** Writes octets; resolves when the upstream can take more, also when it has gone (the command fails by itself). */
  async write(octets: string | Uint8Array): Promise<void> {
    const socket = this.#socket;
    if (socket.destroyed) return;
    const open = typeof octets === 'string' ? socket.write(octets, 'latin1') : socket.write(octets);
    if (!open) await this.#drained(socket);
  }

  /** `write` of octets that are others' when this returns: what passes is copied, and makes no garbage. */
  async pass(octets: Uint8Array): Promise<void> {
    const socket = this.#socket;
    if (!socket.destroyed && !this.#passing.write(socket, octets)) await this.#drained(socket);
  }

  async #drained(socket: Socket): Promise<void> {
    await new Promise<void>(resolve => {
      const done = () => {
        socket.off('drain', done);
        socket.off('close', done);
        resolve();
      };
      socket.on('drain', done);
      socket.on('close', done);
    });
  }

  /** Commands of the client that are on their way upstream: nothing of ours may be written into them. */
  sending = 0;

  /** Whether commands are being sent or wait for their answer. */
  get busy(): boolean {
    return this.#outstanding.length > 0 || this.sending > 0;
  }

  /** Resolves when another command may be sent: a client that pipelines without end waits for answers. */
  async room(): Promise<void> {
    while (this.#outstanding.length >= LIMITS.outstandingCommands) {
      await new Promise<void>(resolve => this.#roomWaiters.push(resolve));
    }
  }

  /** Resolves when nothing is outstanding. */
  async idle(): Promise<void> {
    while (this.#outstanding.length > 0) {
      await new Promise<void>(resolve => this.#idleWaiters.push(resolve));
    }
  }

  /** Says goodbye without waiting for the answer. */
  end(): void {
    if (this.#error !== null) return;
    this.#error = new UpstreamGone('closed by us');
    clearTimeout(this.#login);
    this.#listener = null;
    if (this.#splitter.atBoundary && !this.busy) this.#socket.end(`${this.#nextTag()} LOGOUT\r\n`);
    else this.#socket.destroy();
    const socket = this.#socket;
    setTimeout(() => socket.destroy(), 3_000).unref();
    socket.resume();
  }

  destroy(): void {
    this.#fail(new UpstreamGone('abandoned'));
  }

  /** Nobody is left to hear the answers: what only the client's commands keep busy is not waited for. */
  clientGone(): void {
    if (this.busy && !this.#outstanding.some(({ own }) => own)) this.destroy();
  }

  #nextTag(): string {
    let tag: string;
    do tag = `${this.#tagPrefix}${++this.#tagCounter}`;
    while (this.#outstanding.some(outstanding => outstanding.tag === tag));
    return tag;
  }

  #decide(line: Buffer): Disposition {
    if (this.#greeting !== null) {
      this.#greeting(line.toString('latin1'));
      this.#greeting = null;
      return 'drop';
    }
    const first = line[0];
    if (first === 0x2a) {
      const captured = this.#outstanding[0]?.capture?.(line) ?? null;
      if (captured !== null) return captured;
      return this.#listener?.untagged(line) ?? 'drop';
    }
    if (first === 0x2b) {
      // A `+` belongs to the oldest command that waits for one (RFC 3501 section 7.5).
      this.#outstanding.find(outstanding => outstanding.invited !== undefined)?.invited?.(line);
      return 'drop';
    }
    const match = /^([^ ]+) (OK|NO|BAD)(?: (.*))?$/is.exec(line.toString('latin1'));
    const index = match === null ? -1 : this.#outstanding.findIndex(outstanding => outstanding.tag === match[1]);
    const outstanding = this.#outstanding[index];
    // A tagged answer that nobody waits for is never believed.
    if (match === null || outstanding === undefined) return 'drop';
    this.#outstanding.splice(index, 1);
    const status = (match[2] ?? '').toUpperCase() as TaggedAnswer['status'];
    const work = outstanding.answered({ status, text: match[3] ?? '' }, line);
    if (work === undefined) {
      this.#wakeIdle();
    } else {
      this.#splitter.hold();
      work.then(
        () => {
          this.#wakeIdle();
          this.#splitter.release();
        },
        error => this.#fail(new UpstreamGone(String(error))),
      );
    }
    return 'drop';
  }

  #wakeIdle(): void {
    const waiting = this.#roomWaiters;
    this.#roomWaiters = [];
    for (const wake of waiting) wake();
    if (this.#outstanding.length > 0) return;
    const waiters = this.#idleWaiters;
    this.#idleWaiters = [];
    for (const wake of waiters) wake();
  }

  #forward(octets: Buffer): void {
    const listener = this.#listener;
    const more = !this.#splitter.atBoundary;
    if (listener === null || listener.forward(octets, more) || this.#waitingForClient) return;
    // The client is slow: the upstream waits with us. What has come of it already is passed on.
    this.#waitingForClient = true;
    listener.clientDrained().then(
      () => {
        this.#waitingForClient = false;
        this.#readOn();
      },
      () => this.destroy(),
    );
  }

  #readOn(): void {
    if (!this.#waitingForClient && !this.#splitter.held) this.#socket.resume();
  }

  #nextGreeting(): Promise<string> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(this.#abandon('upstream does not greet')), CONNECT_MILLISECONDS);
      this.#greeting = line => {
        clearTimeout(timer);
        resolve(line);
      };
      this.#closedEarly = error => {
        clearTimeout(timer);
        reject(error);
      };
    });
  }

  #closedEarly: ((error: UpstreamGone) => void) | null = null;

  #listen(socket: Socket, incoming: Incoming | null): void {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 60_000);
    if (incoming === null) socket.on('data', this.#onData);
    else incoming.start(this.#onData);
    socket.on('error', this.#onError);
    socket.on('close', this.#onClose);
  }

  #unlisten(): void {
    this.#socket.off('data', this.#onData);
    this.#socket.off('close', this.#onClose);
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#splitter.push(chunk);
    if (this.#waitingForClient || this.#splitter.held) this.#socket.pause();
  };
  readonly #onError = (error: Error): void => this.#fail(new UpstreamGone(error.message));
  readonly #onClose = (): void => {
    this.#splitter.finish();
    this.#fail(new UpstreamGone('upstream closed the connection'));
  };

  /** Reads `CAPABILITY ...` out of a greeting, a response code or an untagged response. */
  #learnCapabilities(text: string): boolean {
    const list = /(?:\[|^\* )CAPABILITY ([^\]\r\n]*)/i.exec(text)?.[1];
    if (list === undefined) return false;
    this.capabilities = new Set(list.trim().toUpperCase().split(/ +/));
    return true;
  }

  #abandon(reason: string): UpstreamGone {
    const error = new UpstreamGone(reason);
    this.#fail(error);
    return error;
  }

  #fail(error: UpstreamGone): void {
    if (this.#error !== null) {
      this.#socket.destroy();
      return;
    }
    this.#error = error;
    clearTimeout(this.#login);
    this.#socket.destroy();
    this.#closedEarly?.(error);
    for (const outstanding of this.#outstanding.splice(0)) outstanding.failed(error);
    this.#wakeIdle();
    this.#listener?.closed(error, !this.#splitter.atBoundary);
  }
}

async function connected<S extends Socket>(socket: S, event: string): Promise<S> {
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => fail(new Error('timed out')), CONNECT_MILLISECONDS);
    const fail = (error: Error) => {
      clearTimeout(timer);
      socket.destroy();
      reject(new UpstreamGone(error.message));
    };
    socket.once('error', fail);
    socket.once(event, () => {
      clearTimeout(timer);
      socket.off('error', fail);
      resolve();
    });
  });
  return socket;
}

/** A string argument of a command: quoted when it is plain ASCII, else a literal. */
export function quotedOrLiteral(text: string): CommandPart[] {
  return /^[\x20-\x7e]*$/.test(text) ? [`"${text.replaceAll(/["\\]/g, '\\$&')}"`] : [Buffer.from(text, 'utf8')];
}
