import { pino } from 'pino';
import { type Archiver, type ArchiverOptions, createArchiver } from '../../src/archiver/index.ts';
import { SINCE } from '../../src/archiver/state.ts';
import { configSchema, type RemoteConfig, type Upstream } from '../../src/config/schema.ts';
import { createAccountDirectory } from '../../src/store/accounts/directory.ts';
import { createLoginGuard } from '../../src/store/accounts/login-guard.ts';
import type { Vault } from '../../src/store/accounts/types.ts';
import { openVault } from '../../src/store/accounts/vault.ts';
import { asStore, MemoryAccount, MemoryStore } from '../accounts/memory-store.ts';
import { temporaryDirectory } from '../support/temp.ts';

export const MARIO = 'mario.rossi@pec.example.it';
export const PASSWORD = 'segreta';

export interface Harness {
  /** The log, one JSON object a line. */
  readonly log: string[];
  readonly archive: MemoryAccount;
  readonly vault: Vault;
  readonly archiver: Archiver;
  /** Ends the archiver and starts another one on the same store. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export interface HarnessOptions extends Pick<ArchiverOptions, 'onArchived' | 'pollMs' | 'awayMs'> {
  readonly imap?: Partial<RemoteConfig>;
  readonly sentFolder?: string;
  readonly auto?: { readonly incoming?: boolean; readonly sent?: boolean; readonly folders?: readonly string[] };
  /** When the archiver first began with the account; absent: now. */
  readonly since?: Date;
  /** Known to the vault at the start. */
  readonly password?: string | null;
}

/** An archiver in front of an IMAP server on this machine, already started. */
export async function startHarness(imapPort: number, options: HarnessOptions = {}): Promise<Harness> {
  const temporary = await temporaryDirectory('archiver');
  const upstream: Upstream = {
    kind: 'remote',
    name: 'gestore',
    imap: { host: '127.0.0.1', port: imapPort, tls: 'none', ...options.imap },
    smtp: null,
    sentFolder: options.sentFolder ?? null,
    submission: { maxRecipients: 500, maxSize: 1_000_000 },
  };
  const config = configSchema.parse({
    imap: { listen: [{ port: 0, tls: 'none' }] },
    upstreams: { gestore: { preset: 'gestore' } },
    domains: { 'pec.example.it': 'gestore' },
    archive: { auto: { ...options.auto } },
  });
  const store = new MemoryStore();
  const vault = await openVault(temporary.path, {}, asStore(store));
  const log: string[] = [];
  const logger = pino({ level: 'trace' }, { write: line => void log.push(line) });
  const archive = new MemoryAccount(MARIO);
  store.accounts.set(MARIO, archive);
  if (options.since !== undefined) await archive.setSetting(SINCE, options.since.getTime());
  const password = options.password === undefined ? PASSWORD : options.password;
  if (password !== null) await vault.remember(MARIO, password);

  const create = async (): Promise<Archiver> => {
    const directory = createAccountDirectory(config, asStore(store), new Map([['gestore', upstream]]));
    const account = directory.resolve(MARIO);
    if (account === null) throw new Error('no account');
    await directory.store(account);
    const archiver = createArchiver({
      directory,
      vault,
      guard: createLoginGuard({ ttlMs: 60_000 }),
      config,
      logger,
      backoff: { first: 20, longest: 100 },
      pollMs: options.pollMs ?? 60_000,
      ...(options.awayMs === undefined ? {} : { awayMs: options.awayMs }),
      ...(options.onArchived === undefined ? {} : { onArchived: options.onArchived }),
    });
    await archiver.start();
    return archiver;
  };
  let archiver = await create();
  return {
    log,
    archive,
    vault,
    get archiver() {
      return archiver;
    },
    restart: async () => {
      await archiver.stop();
      archiver = await create();
    },
    stop: async () => {
      await archiver.stop();
      await temporary.remove();
    },
  };
}

export function message(subject: string, body = 'Buongiorno.\r\n'): Buffer {
  return Buffer.from(`From: anna@pec.example.it\r\nTo: ${MARIO}\r\nSubject: ${subject}\r\n\r\n${body}`, 'latin1');
}

export function subjects(archive: MemoryAccount): string[] {
  return archive.messages.map(({ raw }) => /^Subject: (.*)\r$/m.exec(raw.toString('latin1'))?.[1] ?? '');
}
