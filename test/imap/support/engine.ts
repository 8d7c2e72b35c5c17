/** The engine on a real store, spoken to over in-memory connections. One account a test; all dropped at the end. */
import type { Socket } from 'node:net';
import { type Duplex, duplexPair } from 'node:stream';
import { pino } from 'pino';
import { type Config, configSchema } from '../../../src/config/schema.ts';
import { Connection } from '../../../src/imap/connection.ts';
import type { ImapServices } from '../../../src/imap/session.ts';
import type { Account } from '../../../src/store/accounts/types.ts';
import { openStore, type StoreOptions } from '../../../src/store/index.ts';
import type { AccountStore, Store } from '../../../src/store/types.ts';
import { RawImap } from '../../support/raw-imap.ts';
import { temporaryDirectory } from '../../support/temp.ts';

export const PASSWORD = 'segreta';

export class Client extends RawImap {
  /** Untagged responses and then the tagged one without its tag, each without CRLF. */
  async run(text: string, timeout?: number): Promise<string[]> {
    const { untagged, line } = await this.command(text, timeout);
    return [...untagged.map(plain), line.slice(line.indexOf(' ') + 1)];
  }

  /** The tagged response alone, without its tag. */
  async answer(text: string): Promise<string> {
    return (await this.run(text)).at(-1) ?? '';
  }

  /** Untagged responses of a command that must succeed. */
  async data(text: string): Promise<string[]> {
    const lines = await this.run(text);
    if (!lines.at(-1)?.startsWith('OK')) throw new Error(`${text}: ${lines.at(-1)}`);
    return lines.slice(0, -1);
  }

  /** The next response, whatever it is. */
  async next(): Promise<string> {
    const response = await this.response(5_000);
    if (response === null) throw new Error('connection closed');
    return plain(response);
  }
}

export interface TestAccount {
  readonly address: string;
  readonly store: AccountStore;
  /** A connection that is logged in. */
  login(): Promise<Client>;
  /** Puts a message into a local mailbox; its UID. */
  deliver(mailbox: string, raw: string | Uint8Array, flags?: readonly string[], internalDate?: number): Promise<number>;
}

export class Engine {
  readonly services: ImapServices;
  /** Log lines of level error: what no test expects unless it says so. */
  readonly errors: string[];
  readonly #store: Store;
  readonly #remove: () => Promise<void>;
  readonly #clients = new Set<Client>();
  #accounts = 0;

  private constructor(services: ImapServices, errors: string[], store: Store, remove: () => Promise<void>) {
    this.services = services;
    this.errors = errors;
    this.#store = store;
    this.#remove = remove;
  }

  static async start(settings: Record<string, unknown> = {}, options: StoreOptions = {}): Promise<Engine> {
    const directory = await temporaryDirectory('imap');
    const errors: string[] = [];
    const logger = pino({ level: 'error' }, { write: (line: string) => errors.push(line) });
    const store = await openStore(directory.path, { threads: 1, prepareThreads: 1, ...options });
    const config: Config = configSchema.parse({ imap: { listen: [{ port: 0, tls: 'none' }] }, ...settings });
    const services: ImapServices = {
      directory: {
        resolve: login =>
          login.endsWith('@pec.example.it') ? localAccount(login, Object.keys(config.plans)[0]) : null,
        all: async () => [],
        store: account => store.account(account.address, { create: true }),
        checkLocalPassword: async (_account, password) => password === PASSWORD,
      },
      vault: {
        remember: async () => {},
        recall: async () => null,
        forget: async () => {},
        onRemembered: () => () => {},
      },
      guard: {
        isRefused: () => false,
        refused: () => {},
        accepted: () => {},
        attempt: (_address, _password, login) => login(),
        onAccepted: () => () => {},
      },
      config,
      logger,
      onLogin: () => {},
      onUpstreamFiled: () => {},
    };
    return new Engine(services, errors, store, directory.remove);
  }

  /** A connection that has not been greeted yet. */
  connect(): Client {
    const [server, client] = duplexPair({ highWaterMark: 64 * 1024 });
    const connection = new Connection(asSocket(server), {
      id: 'test',
      services: this.services,
      tls: null,
      secure: true,
    });
    void connection.serve();
    // As a socket does that is not to be half open.
    client.on('end', () => client.destroy());
    const raw = new Client(asSocket(client));
    this.#clients.add(raw);
    return raw;
  }

  async account(): Promise<TestAccount> {
    const address = `casella-${++this.#accounts}@pec.example.it`;
    const store = await this.#store.account(address, { create: true });
    return {
      address,
      store,
      login: async () => {
        const client = this.connect();
        await client.response();
        await client.ok(`LOGIN ${address} ${PASSWORD}`);
        return client;
      },
      deliver: async (mailbox, raw, flags = [], internalDate) => {
        const spool = await store.spool();
        await spool.write(Buffer.from(raw));
        const origin = { direction: 'unknown', source: 'imap-append' } as const;
        return (await store.file({ tree: 'local', name: mailbox }, spool, { flags, internalDate, origin })).uid;
      },
    };
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) client.close();
    await this.#store.close();
    await this.#remove();
  }
}

/** A short message. */
export function message(subject: string, body = 'Buongiorno'): string {
  return [
    'From: Giulia Verdi <giulia.verdi@pec.esempio.example>',
    'To: mario.rossi@pec.example.it',
    `Subject: ${subject}`,
    'Date: Mon, 1 Jun 2026 10:00:00 +0200',
    `Message-ID: <${subject.replaceAll(/[^a-z0-9]/gi, '-')}@pec.esempio.example>`,
    '',
    body,
    '',
  ].join('\r\n');
}

function localAccount(address: string, plan: string | null = null): Account {
  return { address, login: address, upstream: { kind: 'local' }, plan };
}

function plain(response: Buffer): string {
  return response.toString('latin1').replace(/\r\n$/, '');
}

/** What the engine asks of a socket beyond a stream. */
function asSocket(duplex: Duplex): Socket {
  const nothing = () => duplex;
  return Object.assign(duplex, {
    setTimeout: nothing,
    setNoDelay: nothing,
    setKeepAlive: nothing,
    destroySoon: () => duplex.end(),
  }) as unknown as Socket;
}
