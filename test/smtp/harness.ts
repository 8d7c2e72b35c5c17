import { connect, type Socket } from 'node:net';
import { pino } from 'pino';
import type { z } from 'zod';
import { configSchema, type ListenerConfig, type SubmissionRules, type Upstream } from '../../src/config/schema.ts';
import { createSubmissionListener, type SubmissionListenerOptions } from '../../src/smtp/listener.ts';
import { createSubmissionState, type SubmissionState } from '../../src/smtp/state.ts';
import { createAccountDirectory } from '../../src/store/accounts/directory.ts';
import { createLoginGuard } from '../../src/store/accounts/login-guard.ts';
import type { Vault } from '../../src/store/accounts/types.ts';
import { openVault } from '../../src/store/accounts/vault.ts';
import type { AccountStore, Filed } from '../../src/store/types.ts';
import { asStore, MemoryAccount, MemoryStore } from '../accounts/memory-store.ts';
import { temporaryDirectory } from '../support/temp.ts';
import { LOGIN, PASSWORD, type Provider } from './provider.ts';

export const MARIO = 'mario.rossi@pec.example.it';

export interface Harness {
  readonly port: number;
  readonly log: string[];
  readonly archive: MemoryAccount;
  readonly vault: Vault;
  readonly state: SubmissionState;
  stop(): Promise<void>;
}

export interface HarnessOptions {
  readonly onArchived?: (account: AccountStore, filed: Filed) => Promise<void>;
  readonly submission?: Partial<SubmissionRules>;
  readonly listener?: ListenerConfig['tls'];
  readonly tls?: SubmissionListenerOptions['tls'];
  readonly archive?: z.input<typeof configSchema>['archive'];
  readonly maxSize?: number;
  readonly messageBytes?: number;
}

/** Archivia's submission port in front of a provider, with one account. */
export async function startHarness(provider: Provider | null, options: HarnessOptions = {}): Promise<Harness> {
  const temporary = await temporaryDirectory('submission');
  const upstream: Upstream = {
    kind: 'remote',
    name: 'gestore',
    imap: { host: '127.0.0.1', port: 143, tls: 'none' },
    smtp: provider?.remote ?? null,
    sentFolder: null,
    submission: { maxRecipients: 3, maxSize: options.maxSize ?? 20_000_000, ...options.submission },
  };
  const config = configSchema.parse({
    imap: { listen: [{ port: 0, tls: 'none' }] },
    upstreams: { gestore: { preset: 'gestore' }, prova: { local: true } },
    accounts: [
      { address: MARIO, login: LOGIN, upstream: 'gestore' },
      { address: 'demo@pec.example.it', upstream: 'prova' },
    ],
    archive: options.archive,
    limits: { messageBytes: options.messageBytes ?? 30_000_000 },
  });
  const store = new MemoryStore();
  const archive = new MemoryAccount(MARIO);
  store.accounts.set(MARIO, archive);
  const log: string[] = [];
  const upstreams = new Map<string, Upstream>([
    ['gestore', upstream],
    ['prova', { kind: 'local' }],
  ]);
  const vault = await openVault(temporary.path, {}, asStore(store));
  const logger = pino({ level: 'trace' }, { write: line => void log.push(line) });
  const state = createSubmissionState(logger, options.onArchived);
  const server = createSubmissionListener({
    ...state,
    config,
    directory: createAccountDirectory(config, asStore(store), upstreams),
    vault,
    guard: createLoginGuard({ ttlMs: 60_000 }),
    logger,
    listener: { host: '127.0.0.1', port: 0, tls: options.listener ?? 'none' },
    tls: options.tls ?? {},
  });
  const port = await server.listen();
  return {
    port,
    log,
    archive,
    vault,
    state,
    stop: async () => {
      await server.close();
      await temporary.remove();
    },
  };
}

/** A client that says exactly what the test says. */
export class RawClient {
  readonly #socket: Socket;
  #buffer = '';
  #wake: () => void = () => {};
  #closed = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('data', chunk => {
      this.#buffer += chunk.toString('utf8');
      this.#wake();
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#closed = true;
      this.#wake();
    });
  }

  static async open(port: number): Promise<RawClient> {
    const client = new RawClient(connect(port, '127.0.0.1'));
    await client.reply();
    await client.say('EHLO [127.0.0.1]');
    return client;
  }

  static async loggedIn(port: number): Promise<RawClient> {
    const client = await RawClient.open(port);
    const reply = await client.logIn(LOGIN, PASSWORD);
    if (!reply.startsWith('235')) throw new Error(reply);
    return client;
  }

  logIn(user: string, password: string): Promise<string> {
    return this.say(`AUTH PLAIN ${Buffer.from(`\0${user}\0${password}`).toString('base64')}`);
  }

  /** One command and its whole reply. */
  say(line: string): Promise<string> {
    this.send(`${line}\r\n`);
    return this.reply();
  }

  send(octets: string | Buffer): void {
    this.#socket.write(octets);
  }

  async reply(): Promise<string> {
    for (;;) {
      const match = /^(?:\d{3}-[^\n]*\n)*\d{3}(?: [^\n]*)?\n/.exec(this.#buffer);
      if (match !== null) {
        this.#buffer = this.#buffer.slice(match[0].length);
        return match[0].trimEnd();
      }
      if (this.#closed) throw new Error(`connection closed after ${JSON.stringify(this.#buffer)}`);
      await new Promise<void>(resolve => {
        this.#wake = resolve;
      });
    }
  }

  /** MAIL, RCPT and DATA; then the message goes as it is, with the final dot. */
  async deliver(message: string | Buffer, recipients: readonly string[] = [ANNA]): Promise<string> {
    await this.begin(recipients);
    this.send(message);
    this.send('.\r\n');
    return this.reply();
  }

  async begin(recipients: readonly string[] = [ANNA], parameters = ''): Promise<void> {
    for (const line of [`MAIL FROM:<${MARIO}>${parameters}`, ...recipients.map(to => `RCPT TO:<${to}>`)]) {
      const reply = await this.say(line);
      if (!reply.startsWith('250')) throw new Error(`${line}: ${reply}`);
    }
    const reply = await this.say('DATA');
    if (!reply.startsWith('354')) throw new Error(reply);
  }

  close(): void {
    this.#socket.destroy();
  }
}

export const ANNA = 'anna@pec.example.it';

export function message(fields: Record<string, string> = {}, body = 'Buongiorno.\r\n'): string {
  const all: Record<string, string> = { From: `Mario Rossi <${MARIO}>`, To: ANNA, Subject: 'Prova', ...fields };
  const header = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${header.join('')}\r\n${body}`;
}
