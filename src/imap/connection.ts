import type { Socket } from 'node:net';
import { type SecureContext, TLSSocket } from 'node:tls';
import { Autologout, CLIENT_TIMEOUTS, type ClientTimeouts } from './autologout.ts';
import { capabilityCode } from './capabilities.ts';
import { dispatch, printable } from './dispatch.ts';
import { ConnectionClosed, FatalFailure } from './errors.ts';
import { type ImapServices, Session } from './session.ts';
import { Compression } from './wire/compression.ts';
import { LIMITS } from './wire/limits.ts';
import { CommandReader } from './wire/reader.ts';
import { ByteSource } from './wire/source.ts';
import { ResponseWriter } from './wire/writer.ts';

/** One client connection from greeting to close. */
export class Connection {
  #socket: Socket;
  #compression: Compression | null = null;
  readonly #source: ByteSource;
  readonly #writer: ResponseWriter;
  readonly #session: Session;
  readonly #autologout: Autologout;
  #handshaking = false;
  readonly #closed = new AbortController();

  /**
   * @param tls context for STARTTLS; null where it is not offered
   * @param secure whether passwords may be told as the connection is now
   */
  constructor(
    socket: Socket,
    options: {
      id: string;
      services: ImapServices;
      tls: SecureContext | null;
      secure: boolean;
      timeouts?: ClientTimeouts;
    },
  ) {
    this.#socket = socket;
    this.#source = new ByteSource(socket);
    this.#writer = new ResponseWriter(socket);
    this.#session = new Session({
      id: options.id,
      services: options.services,
      reader: new CommandReader(this.#source),
      writer: this.#writer,
      signal: this.#closed.signal,
      secure: options.secure,
    });
    const context = options.tls;
    if (context !== null) this.#session.startTls = () => this.#startTls(context);
    this.#session.startCompression = () => this.#startCompression();
    this.#session.disconnect = reason => {
      if (reason !== null) this.#bye(reason);
      this.#hangUp();
    };
    this.#autologout = new Autologout(
      options.timeouts ?? CLIENT_TIMEOUTS,
      () => this.#handshaking || this.#source.awaited,
      () => this.#session.disconnect(new FatalFailure(null, 'Connessione inattiva troppo a lungo.')),
    );
    this.#watch(socket);
  }

  /** Serves the client until it leaves, breaks the rules or the server stops. Never rejects. */
  async serve(): Promise<void> {
    const { logger } = this.#session;
    try {
      this.#writer.line(`* OK ${capabilityCode(this.#session)} Archivia`);
      await this.#writer.flush();
      await this.#serveCommands();
    } catch (error) {
      if (error instanceof FatalFailure) this.#bye(error);
      else if (!(error instanceof ConnectionClosed)) logger.error({ err: error }, 'connection failed');
    } finally {
      await this.#end();
    }
  }

  /** Tells the client that the server stops, and ends the connection. */
  close(): void {
    this.#session.disconnect(new FatalFailure('UNAVAILABLE', 'Il server si sta fermando.'));
    this.#closed.abort();
  }

  async #serveCommands(): Promise<void> {
    const session = this.#session;
    while (!session.loggedOut) {
      const command = await session.reader.next();
      if (command === null) return session.relay?.settle();
      if (session.relay !== null) await session.relay.take(command);
      else await dispatch(session, command);
      if (session.account !== null && session.reader.lineLimit !== LIMITS.lineAfterLogin) {
        session.reader.lineLimit = LIMITS.lineAfterLogin;
        this.#autologout.loggedIn();
      }
    }
  }

  #bye(reason: FatalFailure): void {
    try {
      this.#writer.line(`* BYE ${reason.code === null ? '' : `[${reason.code}] `}${printable(reason.message)}`);
      this.#writer.flush().catch(() => {});
    } catch {
      // The client has gone already.
    }
  }

  async #end(): Promise<void> {
    const session = this.#session;
    try {
      session.notify?.stop();
      await session.selected?.close();
      await session.relay?.close();
    } catch (error) {
      session.logger.warn({ err: error }, 'session not closed cleanly');
    }
    session.selected = null;
    if (this.#compression === null) this.#socket.end();
    else this.#compression.end();
    // A peer that never closes its side must not keep ours.
    this.#autologout.part();
    this.#closed.abort();
  }

  #watch(socket: Socket): void {
    socket.on('error', error => this.#session.logger.debug({ err: error }, 'socket error'));
    socket.on('close', () => {
      if (socket === this.#socket) this.#closed.abort();
    });
    this.#autologout.watch(socket);
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 60_000);
  }

  /** Sends what has been written, then closes; a peer that does not read it, or never ends its handshake, is left. */
  #hangUp(): void {
    this.#autologout.part();
    if (this.#compression === null) this.#socket.destroySoon();
    else this.#compression.end();
  }

  /** What the client sent behind COMPRESS, without waiting for the answer, is compressed already. */
  #startCompression(): void {
    const early = this.#source.consume(this.#source.buffered.length);
    this.#source.release();
    const compression = new Compression(this.#socket, early, error => {
      this.#session.logger.debug({ err: error }, 'compressed stream broken');
      this.#session.disconnect(new FatalFailure(null, 'I dati compressi non si possono leggere.'));
    });
    this.#source.exchange(compression.input);
    this.#writer.exchange(compression.output);
    this.#compression = compression;
  }

  async #startTls(secureContext: SecureContext): Promise<void> {
    this.#source.release();
    const secured = new TLSSocket(this.#socket, { isServer: true, secureContext });
    // What came in clear text behind STARTTLS is dropped with the old buffer.
    this.#source.exchange(secured);
    this.#writer.exchange(secured);
    this.#socket = secured;
    this.#watch(secured);
    this.#handshaking = true;
    await new Promise<void>((resolve, reject) => {
      secured.once('secure', resolve);
      secured.once('error', reject);
      secured.once('close', () => reject(new ConnectionClosed()));
    });
    this.#handshaking = false;
    this.#session.secure = true;
  }
}
