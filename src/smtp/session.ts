import { domainToASCII } from 'node:url';
import type { Logger } from 'pino';
import type { Config, SubmissionRules } from '../config/schema.ts';
import type { Account, AccountDirectory, LoginGuard, LoginOutcome, Vault } from '../store/accounts/types.ts';
import { normalizeAddress } from './header.ts';
import type { MailParameters } from './parameters.ts';
import { isPositive, type Reply, SmtpRefusal } from './reply.ts';
import type { SubmissionState } from './state.ts';
import {
  BAD_CREDENTIALS,
  EIGHT_BIT,
  NO_DSN,
  NO_SENDING,
  NON_ASCII_ADDRESS,
  PROVIDER_DOWN,
  PROVIDER_DOWN_LOGIN,
  TOO_FAST,
  tooLarge,
  tooLargeInAll,
  tooManyRecipients,
  wrongSender,
} from './texts.ts';
import { UpstreamGoneError, UpstreamSmtp } from './upstream.ts';

export interface SubmissionServices extends SubmissionState {
  readonly config: Config;
  readonly directory: AccountDirectory;
  readonly vault: Vault;
  readonly guard: LoginGuard;
  readonly logger: Logger;
}

/** Refusals of AUTH that say nothing about the password (RFC 5321 section 4.2.2, RFC 4954 section 6). */
const NOT_THE_PASSWORD = new Set([500, 501, 502, 503, 504, 530, 538]);

interface LoggedIn {
  readonly account: Account;
  readonly password: string;
}

/** One client's connection: who it is, and the upstream connection that speaks for it. */
export class SubmissionSession {
  readonly id: string;
  readonly services: SubmissionServices;
  #who: LoggedIn | null = null;
  #upstream: UpstreamSmtp | null = null;
  /** A transaction is open upstream. */
  #open = false;
  /** The upstream has the message whole and owes its answer. */
  #committing = false;
  readonly #recipients = new Set<string>();
  #tooMany = false;
  /** SIZE as the client declared it. */
  #declared = 0;
  #utf8 = false;
  /** Gives back the turn of a message that does not go. */
  #giveBackTurn: () => void = () => {};
  #ended = false;

  constructor(id: string, services: SubmissionServices) {
    this.id = id;
    this.services = services;
  }

  get account(): Account | null {
    return this.#who?.account ?? null;
  }

  /** Throws an SmtpRefusal with the upstream's own answer, or with ours where it was not asked. */
  async logIn(login: string, password: string): Promise<Account> {
    const { directory, vault, logger } = this.services;
    const account =
      login.includes('\0') || password.includes('\0') || password === '' ? null : directory.resolve(login);
    if (account === null) throw await badCredentials();
    if (account.upstream.kind === 'local' || account.upstream.smtp === null) throw new SmtpRefusal(NO_SENDING);
    await this.#connect(account, password);
    this.#who = { account, password };
    try {
      await directory.store(account);
      await vault.remember(account.address, password);
    } catch (error) {
      // Sending does not depend on it.
      logger.error({ session: this.id, account: account.address, err: error }, 'the password could not be kept');
    }
    logger.info({ session: this.id, account: account.address }, 'login');
    return account;
  }

  /** MAIL FROM, with what the client declared. Waits for the mailbox's turn where the provider sets a pace. */
  async mail(sender: string, { size, eightBit, utf8, dsn }: MailParameters): Promise<void> {
    const { account } = this.#loggedIn();
    const { allowOtherSender = false } = this.#rules;
    this.#recipients.clear();
    this.#tooMany = false;
    this.#declared = size ?? 0;
    this.#utf8 = utf8;
    if (!allowOtherSender && normalizeAddress(sender) !== normalizeAddress(account.address)) {
      throw new SmtpRefusal(wrongSender(account.address));
    }
    await this.#takeTurn(account);
    const upstream = await this.#freshTransaction();
    const maximum = this.maxSize();
    if (size !== null && size > maximum) throw new SmtpRefusal(tooLarge(maximum));
    if (eightBit && !upstream.supports('8BITMIME')) throw new SmtpRefusal(EIGHT_BIT);
    if (utf8 && !upstream.supports('SMTPUTF8')) throw new SmtpRefusal(NON_ASCII_ADDRESS);
    if (dsn.length > 0 && !upstream.supports('DSN')) throw new SmtpRefusal(NO_DSN);
    const parameters = [
      ...(size !== null && upstream.supports('SIZE') ? [`SIZE=${size}`] : []),
      ...(eightBit ? ['BODY=8BITMIME'] : []),
      ...(utf8 ? ['SMTPUTF8'] : []),
      ...dsn,
    ];
    this.#open = true;
    await this.#pass([`MAIL FROM:<${this.#checked(sender)}>`, ...parameters].join(' '));
  }

  /** @param dsn NOTIFY and ORCPT, ready for the wire */
  async recipient(address: string, dsn: readonly string[]): Promise<void> {
    this.#loggedIn();
    const { maxRecipients } = this.#rules;
    const checked = this.#checked(address);
    const normalized = normalizeAddress(address);
    if (!this.#recipients.has(normalized) && this.#recipients.size >= maxRecipients) {
      this.#tooMany = true;
      throw new SmtpRefusal(tooManyRecipients(maxRecipients));
    }
    if (dsn.length > 0 && !this.#upstream?.supports('DSN')) throw new SmtpRefusal(NO_DSN);
    await this.#pass([`RCPT TO:<${checked}>`, ...dsn].join(' '));
    this.#recipients.add(normalized);
  }

  /** A refusal that came before DATA but concerns the whole message: it must not go to some recipients only. */
  get refusal(): Reply | null {
    if (this.#tooMany) return tooManyRecipients(this.#rules.maxRecipients);
    return this.refusalOfSize(this.#declared);
  }

  /** Whether a message of so many octets is too much for so many recipients. */
  refusalOfSize(octets: number): Reply | null {
    const { maxSizeTimesRecipients: maximum = 0 } = this.#rules;
    const recipients = this.#recipients.size;
    return maximum > 0 && octets * recipients > maximum ? tooLargeInAll(maximum, recipients) : null;
  }

  /** Octets; the smallest of what Archivia, the configuration and the upstream itself allow. */
  maxSize(): number {
    const configured = this.#rules.maxSize;
    return Math.min(this.services.config.limits.messageBytes, configured, this.#upstream?.maxSize ?? configured);
  }

  /** DATA; the upstream waits for the message when it resolves. */
  async data(): Promise<UpstreamSmtp> {
    const upstream = this.#upstream;
    if (upstream === null || !this.#open) throw new SmtpRefusal(PROVIDER_DOWN);
    const reply = await this.#ask('DATA');
    if (reply.code !== 354) throw new SmtpRefusal(reply);
    // From here on the provider counts it.
    this.#giveBackTurn = () => {};
    return upstream;
  }

  /** From here on the message may be sent: even if the client leaves, the answer has to be waited for and archived. */
  committing(): void {
    this.#committing = true;
  }

  /** The upstream has answered for the message. */
  transactionEnded(): void {
    this.#open = false;
    this.#committing = false;
    if (!this.#ended) return;
    this.#upstream?.quit();
    this.#upstream = null;
  }

  /** Drops a message that the upstream has not got whole. */
  abort(): void {
    this.#upstream?.destroy();
    this.#upstream = null;
    this.#open = false;
    this.#committing = false;
  }

  /** The client is gone. */
  end(): void {
    this.#ended = true;
    this.#giveBackTurn();
    if (this.#committing) return;
    if (this.#open) this.abort();
    else this.#upstream?.quit();
    this.#upstream = null;
    this.#who = null;
  }

  get #rules(): SubmissionRules {
    const { upstream } = this.#loggedIn().account;
    if (upstream.kind === 'local') throw new SmtpRefusal(NO_SENDING);
    return upstream.submission;
  }

  async #takeTurn({ address }: Account): Promise<void> {
    const { maxPerMinute = 0, whenTooFast = 'queue' } = this.#rules;
    this.#giveBackTurn();
    this.#giveBackTurn = () => {};
    if (maxPerMinute === 0) return;
    const giveBack = await this.services.pace.take(address, maxPerMinute, whenTooFast === 'queue');
    if (giveBack === null) throw new SmtpRefusal(TOO_FAST);
    if (this.#ended) giveBack();
    else this.#giveBackTurn = giveBack;
  }

  #loggedIn(): LoggedIn {
    if (this.#who === null) throw new SmtpRefusal(BAD_CREDENTIALS);
    return this.#who;
  }

  /**
   * smtp-server tells nobody of RSET and EHLO, so an old transaction may still be open upstream; and a provider may have
   * closed an idle connection, or be about to. One RSET settles both.
   */
  async #freshTransaction(): Promise<UpstreamSmtp> {
    const { account, password } = this.#loggedIn();
    const current = this.#upstream;
    if (current?.usable && (await current.reset())) return current;
    this.abort();
    return this.#connect(account, password);
  }

  async #connect(account: Account, password: string): Promise<UpstreamSmtp> {
    const { guard, logger, extensions } = this.services;
    const remote = account.upstream.kind === 'remote' ? account.upstream.smtp : null;
    if (remote === null) throw new SmtpRefusal(NO_SENDING);
    let upstream: UpstreamSmtp | null = null;
    let answer: Reply | null = null;
    const outcome = await guard.attempt(account.address, password, async (): Promise<LoginOutcome> => {
      try {
        upstream = await UpstreamSmtp.open(remote);
        answer = await upstream.logIn(account.login, password);
      } catch (error) {
        upstream?.destroy();
        logger.warn({ session: this.id, account: account.address, err: error }, 'upstream login not possible');
        return 'unavailable';
      }
      if (isPositive(answer)) return 'accepted';
      upstream.quit();
      return answer.code >= 500 && !NOT_THE_PASSWORD.has(answer.code) ? 'refused' : 'unavailable';
    });
    if (outcome === 'refused') {
      logger.info({ session: this.id, account: account.address }, 'login refused');
      throw answer === null ? await badCredentials() : new SmtpRefusal(answer);
    }
    if (outcome === 'unavailable' || upstream === null) throw new SmtpRefusal(answer ?? PROVIDER_DOWN_LOGIN);
    const opened: UpstreamSmtp = upstream;
    extensions.learn(`${remote.host}:${remote.port}`, name => opened.supports(name));
    if (this.#ended) {
      opened.quit();
      throw new SmtpRefusal(PROVIDER_DOWN);
    }
    this.#upstream = opened;
    this.#open = false;
    return opened;
  }

  async #pass(line: string): Promise<void> {
    const reply = await this.#ask(line);
    if (!isPositive(reply)) throw new SmtpRefusal(reply);
  }

  async #ask(line: string): Promise<Reply> {
    if (this.#upstream === null) throw new SmtpRefusal(PROVIDER_DOWN);
    try {
      return await this.#upstream.command(line);
    } catch (error) {
      if (error instanceof UpstreamGoneError) throw new SmtpRefusal(error.reply ?? PROVIDER_DOWN);
      throw error;
    }
  }

  /** An address as it may stand in a command. smtp-server gives domains in Unicode. */
  #checked(address: string): string {
    const at = address.lastIndexOf('@') + 1;
    const wire = this.#utf8 ? address : address.slice(0, at) + (domainToASCII(address.slice(at)) || address.slice(at));
    if (!(this.#utf8 ? /^[^\0-\x20\x7f]+$/ : /^[\x21-\x7e]+$/).test(wire) || /[<>]/.test(wire)) {
      throw new SmtpRefusal(NON_ASCII_ADDRESS);
    }
    return wire;
  }
}

/** The same text and about the same time for an unknown name and for a password that is known to be wrong. */
async function badCredentials(): Promise<SmtpRefusal> {
  await new Promise(resolve => setTimeout(resolve, 1_000 + Math.random() * 500));
  return new SmtpRefusal(BAD_CREDENTIALS);
}
