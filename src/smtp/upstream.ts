import { once } from 'node:events';
import SMTPConnection, { type SMTPConnectionCustomAuthContext } from 'nodemailer/lib/smtp-connection';
import type { RemoteConfig } from '../config/schema.ts';
import { upstreamTls } from '../store/accounts/upstream-tls.ts';
import { isPositive, parseReply, type Reply } from './reply.ts';

/** Waiting for the reply to the end of DATA takes the longest: 10 minutes (RFC 5321 section 4.5.3.2.6). */
const SOCKET_TIMEOUT = 10 * 60_000;
const CONNECT_TIMEOUT = 30_000;

/** The connection ended. `reply` is what the server said at last of its own accord. */
export class UpstreamGoneError extends Error {
  override readonly name = 'UpstreamGoneError';
  readonly reply: Reply | null;

  constructor(message: string, reply: Reply | null) {
    super(message);
    this.reply = reply;
  }
}

/**
 * A provider's submission server. nodemailer's connection does greeting, EHLO and TLS; commands go through its context
 * for custom authentication, which sends one and gives the reply; the message goes straight onto its socket, since
 * nodemailer would rewrite line ends and go on with some recipients when others are refused.
 */
export class UpstreamSmtp {
  readonly #connection: SMTPConnection;
  readonly #context: SMTPConnectionCustomAuthContext;
  readonly #gone: Promise<never>;
  readonly #ended: () => boolean;

  private constructor(
    connection: SMTPConnection,
    context: SMTPConnectionCustomAuthContext,
    gone: Promise<never>,
    ended: () => boolean,
  ) {
    this.#connection = connection;
    this.#context = context;
    this.#gone = gone;
    this.#ended = ended;
  }

  /** Rejects when there is no connection, no greeting, or not the TLS that was asked for. */
  static async open(remote: RemoteConfig): Promise<UpstreamSmtp> {
    const { promise: context, resolve } = Promise.withResolvers<SMTPConnectionCustomAuthContext>();
    const connection = new SMTPConnection({
      host: remote.host,
      port: remote.port,
      secure: remote.tls === 'implicit',
      requireTLS: remote.tls === 'starttls',
      ignoreTLS: remote.tls === 'none',
      tls: await upstreamTls(remote),
      logger: false,
      connectionTimeout: CONNECT_TIMEOUT,
      greetingTimeout: CONNECT_TIMEOUT,
      socketTimeout: SOCKET_TIMEOUT,
      maxResponseSize: 64 * 1024,
      customAuth: {
        ARCHIVIA: given => {
          resolve(given);
          given.resolve();
        },
      },
    });
    let ended = false;
    const gone = new Promise<never>((_resolve, reject) => {
      const end = (message: string, response?: unknown): void => {
        ended = true;
        reject(new UpstreamGoneError(message, typeof response === 'string' ? forClient(parseReply(response)) : null));
      };
      connection.on('error', error => end(error.message, 'response' in error ? error.response : undefined));
      connection.on('end', () => end('the upstream closed the connection'));
    });
    gone.catch(() => {});
    const connected = new Promise<void>((done, fail) => {
      connection.connect(error => (error ? fail(error) : done()));
    });
    try {
      await Promise.race([connected, gone]);
      connection.login({ method: 'ARCHIVIA' }, () => {});
      return new UpstreamSmtp(connection, await Promise.race([context, gone]), gone, () => ended);
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  get usable(): boolean {
    return !this.#ended();
  }

  /** The SIZE that the server declared (RFC 1870), null when it declared none. */
  get maxSize(): number | null {
    return this.#context.maxAllowedSize || null;
  }

  supports(extension: string): boolean {
    return this.#context.extensions.some(name => name.toUpperCase() === extension);
  }

  /** AUTH PLAIN, or LOGIN where the server has only that. Gives the server's reply. */
  async logIn(login: string, password: string): Promise<Reply> {
    const base64 = (value: string) => Buffer.from(value, 'utf8').toString('base64');
    const methods = this.#context.authMethods.map(method => method.toUpperCase());
    if (methods.includes('PLAIN') || !methods.includes('LOGIN')) {
      return this.command(`AUTH PLAIN ${base64(`\0${login}\0${password}`)}`);
    }
    let reply = await this.command('AUTH LOGIN');
    for (const value of [login, password]) {
      if (reply.code !== 334) return reply;
      reply = await this.command(base64(value));
    }
    return reply;
  }

  /** Sends one command. Rejects with an UpstreamGoneError when the connection ends before the reply. */
  async command(line: string): Promise<Reply> {
    if (/[\r\n]/.test(line)) throw new Error('a command is one line');
    const { response } = await Promise.race([this.#context.sendCommand(line), this.#gone]);
    return forClient(parseReply(response));
  }

  /** Sends dot-stuffed message octets; resolves when more may follow. */
  async write(chunk: Buffer): Promise<void> {
    const socket = this.#connection._socket;
    if (!socket || !this.usable) return this.#gone;
    if (!socket.write(chunk)) await Promise.race([once(socket, 'drain'), this.#gone]);
  }

  /** Ends the transaction under way, if the server still listens. */
  async reset(): Promise<boolean> {
    try {
      return isPositive(await this.command('RSET'));
    } catch {
      return false;
    }
  }

  quit(): void {
    if (this.usable) this.#connection.quit();
  }

  /** Breaks the connection: a message whose final dot has not been sent is dropped by the server. */
  destroy(): void {
    const socket = this.#connection._socket;
    this.#connection.close();
    if (socket) socket.destroy();
  }
}

/** 421 says that this very connection ends (RFC 5321 section 4.2.1); the client's own goes on. */
function forClient(reply: Reply): Reply {
  return reply.code === 421 ? { ...reply, code: 451 } : reply;
}
