import type { Logger } from 'pino';
import type { Config } from '../config/schema.ts';
import type { Account, AccountDirectory, LoginGuard, Vault } from '../store/accounts/types.ts';
import type { AccountStore } from '../store/types.ts';
import { type FatalFailure, Refusal } from './errors.ts';
import { decodeMutf7, encodeMutf7 } from './mutf7.ts';
import type { ViewNames } from './names.ts';
import type { Notifications } from './notify/types.ts';
import type { SelectedView } from './selected.ts';
import { Turn } from './turn.ts';
import { utf8 } from './wire/parser.ts';
import type { CommandReader, IncomingCommand } from './wire/reader.ts';
import type { ResponseWriter } from './wire/writer.ts';

/** What the sessions of a process share. */
export interface ImapServices {
  readonly directory: AccountDirectory;
  readonly vault: Vault;
  readonly guard: LoginGuard;
  readonly config: Config;
  readonly logger: Logger;
  /** Told after every good login. */
  readonly onLogin: (account: Account) => void;
  /** Told when a client has put a message into an upstream folder: its sent mail, most often. */
  readonly onUpstreamFiled: (account: Account) => void;
  /** The upstream grants the account no further connection. Resolves when one of ours has been given up for it. */
  readonly onCrowded?: (account: Account) => Promise<void>;
}

/** The part of a session that talks to the upstream; absent where the account's upstream is `local`. */
export interface Relay {
  /** Capabilities after login: the intersection of the upstream's and the engine's. */
  readonly capabilities: readonly string[];
  /**
   * Takes a client's command: forwards it, runs it with both sides, or has the engine run it. Resolves when the next
   * command may be read, which for a forwarded one is before its answer has come.
   */
  take(command: IncomingCommand): Promise<void>;
  /** Waits for the answers to what has been forwarded, while anybody is there to hear them. */
  settle(): Promise<void>;
  /** Says goodbye upstream. */
  close(): Promise<void>;
}

/** Everything a command needs to know of the connection that it came in on. */
export class Session {
  readonly id: string;
  readonly services: ImapServices;
  readonly logger: Logger;
  readonly reader: CommandReader;
  readonly writer: ResponseWriter;
  /** Aborted when the client has gone or the server stops. */
  readonly signal: AbortSignal;
  /** TLS, or a loopback address: passwords may be told. */
  secure: boolean;
  /** Set while STARTTLS can be offered: performs the handshake. */
  startTls: (() => Promise<void>) | null = null;
  /** Set until the connection is compressed: everything written from the call on is. */
  startCompression: (() => void) | null = null;
  account: Account | null = null;
  store: AccountStore | null = null;
  names: ViewNames | null = null;
  relay: Relay | null = null;
  /** The view that is selected; null also while an upstream folder is. */
  selected: SelectedView | null = null;
  /** What NOTIFY has asked for; null: nothing has, and all news wait for a command. */
  notify: Notifications | null = null;
  /** Held by a command of ours while it runs, and by notifications. */
  readonly turn = new Turn();
  /** Extensions that ENABLE switched on, upper case. */
  readonly enabled = new Set<string>();
  /** Ends the connection, with a BYE unless `reason` is null. */
  disconnect: (reason: FatalFailure | null) => void = () => {};
  badCommands = 0;
  loggedOut = false;

  constructor(options: {
    id: string;
    services: ImapServices;
    reader: CommandReader;
    writer: ResponseWriter;
    signal: AbortSignal;
    secure: boolean;
  }) {
    this.id = options.id;
    this.services = options.services;
    this.logger = options.services.logger.child({ session: options.id });
    this.reader = options.reader;
    this.writer = options.writer;
    this.signal = options.signal;
    this.secure = options.secure;
  }

  /** Asks the client for the octets of a synchronising literal. */
  readonly invite = async (): Promise<void> => {
    this.writer.line('+ OK');
    await this.writer.flush();
  };

  /** The client speaks IMAP4rev2 (RFC 9051). */
  get rev2(): boolean {
    return this.enabled.has('IMAP4REV2');
  }

  /** Mailbox names are told in UTF-8 rather than in UTF-7. */
  get utf8Names(): boolean {
    return this.rev2 || this.enabled.has('UTF8=ACCEPT');
  }

  /** A mailbox name as parsed from a command, in Unicode. */
  decodeMailbox(octets: string): string {
    const name = this.utf8Names ? utf8(octets) : decodeMutf7(octets);
    if (name === null) throw new Refusal('CANNOT', 'Il nome della cartella non è valido.');
    return name;
  }

  /** A mailbox name for a response: always quoted. */
  encodeMailbox(name: string): string {
    const octets = this.utf8Names ? Buffer.from(name, 'utf8').toString('latin1') : encodeMutf7(name);
    return `"${octets.replaceAll(/["\\]/g, '\\$&')}"`;
  }
}
