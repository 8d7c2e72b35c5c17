import { readFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';
import type { RemoteConfig } from '../../src/config/schema.ts';
import type { ServerCertificates } from '../support/certificates.ts';

interface Received {
  readonly from: string;
  readonly to: readonly string[];
  readonly raw: Buffer;
  readonly eightBit: boolean;
  /** What was asked about receipts; of the first recipient. Only of a server with `dsn`. */
  readonly dsn?: object;
}

/** A PEC provider's submission server, whose moods a test sets. */
export interface Provider {
  readonly remote: RemoteConfig;
  readonly received: Received[];
  /** Logins asked for: name and password. */
  readonly logins: string[];
  /** Messages that came to their end. */
  readonly whole: number;
  /** DATA commands begun. */
  readonly begun: number;
  mood: Mood;
  /** Ends every connection, with a 421 first or without a word. */
  disconnect(goodbye: boolean): void;
  stop(): Promise<void>;
}

interface Mood {
  /** Said to RCPT of this address. */
  readonly refusedRecipient?: string;
  /** Said at the end of DATA. */
  readonly refusal?: { readonly code: number; readonly text: string };
  /** Breaks the connection after so many octets of a message. */
  readonly breakAfter?: number;
  /** Awaited before the end of DATA is answered. */
  readonly hold?: Promise<void>;
  /** Breaks the connection instead of answering the end of DATA. */
  readonly breakAtEnd?: boolean;
  /** Reads nothing of a message until it resolves. */
  readonly stall?: Promise<void>;
  /** Said to AUTH. */
  readonly authFailure?: { readonly code: number; readonly text: string };
}

export const LOGIN = 'M1234567';
export const PASSWORD = 'segreta è';

export interface ProviderOptions {
  readonly tls?: RemoteConfig['tls'];
  readonly certificates?: ServerCertificates;
  readonly authMethods?: readonly string[];
  readonly size?: number;
  readonly hide8BITMIME?: boolean;
  /** DSN and SMTPUTF8. */
  readonly dsn?: boolean;
  /** The name it knows; LOGIN when absent. */
  readonly login?: string;
}

export async function startProvider(options: ProviderOptions = {}): Promise<Provider> {
  const { tls = 'none', certificates } = options;
  const received: Received[] = [];
  const logins: string[] = [];
  const counters = { begun: 0, whole: 0 };
  const state: { mood: Mood } = { mood: {} };
  const breakConnection = (id: string): void => {
    for (const connection of server.connections) if (connection.session.id === id) connection._socket.destroy();
  };
  const fail = (code: number, text: string): Error => Object.assign(new Error(text), { responseCode: code });

  const server = new SMTPServer({
    secure: tls === 'implicit',
    ...(certificates === undefined
      ? { disabledCommands: ['STARTTLS'], allowInsecureAuth: true }
      : { cert: await readFile(certificates.certFile, 'utf8'), key: await readFile(certificates.keyFile, 'utf8') }),
    name: 'gestore-uno.example',
    logger: false,
    authMethods: [...(options.authMethods ?? ['PLAIN', 'LOGIN'])],
    size: options.size,
    hide8BITMIME: options.hide8BITMIME,
    hideDSN: options.dsn !== true,
    hideSMTPUTF8: options.dsn !== true,
    disableReverseLookup: true,
    closeTimeout: 100,
    onAuth: ({ username = '', password }, _session, callback) => {
      logins.push(`${username}:${password}`);
      const { authFailure } = state.mood;
      if (authFailure !== undefined) callback(fail(authFailure.code, authFailure.text));
      else if (username === (options.login ?? LOGIN) && password === PASSWORD) callback(null, { user: username });
      else callback(fail(535, '5.7.8 Error: authentication failed'));
    },
    onRcptTo: ({ address }, _session, callback) => {
      callback(address === state.mood.refusedRecipient ? fail(550, '5.1.1 Destinatario sconosciuto') : null);
    },
    onData: (stream, session, callback) => {
      counters.begun += 1;
      const { mood } = state;
      const chunks: Buffer[] = [];
      let octets = 0;
      const read = async (): Promise<void> => {
        await mood.stall;
        for await (const chunk of stream as AsyncIterable<Buffer>) {
          chunks.push(chunk);
          octets += chunk.length;
          if (mood.breakAfter !== undefined && octets > mood.breakAfter) return breakConnection(session.id);
        }
        counters.whole += 1;
        await mood.hold;
        if (mood.breakAtEnd) return breakConnection(session.id);
        if (mood.refusal !== undefined) return callback(fail(mood.refusal.code, mood.refusal.text));
        received.push({
          from: session.envelope.mailFrom === false ? '' : session.envelope.mailFrom.address,
          to: session.envelope.rcptTo.map(({ address }) => address),
          raw: Buffer.concat(chunks),
          eightBit: session.envelope.bodyType === '8bitmime',
          ...(options.dsn === true ? { dsn: { ...session.envelope.dsn, ...session.envelope.rcptTo[0]?.dsn } } : {}),
        });
        callback(null, '2.0.0 Ok: preso in carico come 4XyZ');
      };
      // The client broke off: nothing was received.
      read().catch(() => {});
    },
  });
  server.on('error', () => {});
  const port = await new Promise<number>((resolve, reject) => {
    server.server.once('error', reject);
    server.listen(0, '127.0.0.1', () => resolve((server.server.address() as AddressInfo).port));
  });
  return {
    remote: { host: '127.0.0.1', port, tls, ...(certificates === undefined ? {} : { caFile: certificates.caFile }) },
    received,
    logins,
    get whole() {
      return counters.whole;
    },
    get begun() {
      return counters.begun;
    },
    get mood() {
      return state.mood;
    },
    set mood(mood) {
      state.mood = mood;
    },
    disconnect: goodbye => {
      for (const connection of server.connections) {
        if (goodbye) connection.send(421, '4.4.2 Idle');
        else connection._socket.destroy();
      }
    },
    stop: () => new Promise(resolve => server.close(() => resolve())),
  };
}
