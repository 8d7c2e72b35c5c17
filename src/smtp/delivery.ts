import { isServed } from '../store/service-term.ts';
import type { AccountStore, Spool } from '../store/types.ts';
import { BareNewlineError, DotStuffer } from './dot-stuffing.ts';
import { HeaderReader } from './header.ts';
import { isPositive, type Reply, SmtpRefusal } from './reply.ts';
import { checkHeader } from './rules.ts';
import type { SubmissionSession } from './session.ts';
import { BARE_NEWLINE, INTERNAL, NO_SPACE, OUTCOME_UNKNOWN, PROVIDER_LOST, tooLarge } from './texts.ts';
import { UpstreamGoneError, type UpstreamSmtp } from './upstream.ts';

/**
 * Takes a message from the client to the upstream and, the same octets, into the archive. The header section is held
 * back until the rules have been checked; what follows goes on as it comes, at the pace of the slowest of the three.
 * @returns the upstream's reply, once the archive has the message too
 * Throws an SmtpRefusal when the message was not sent, after reading the client's message to its end; any other error
 * means that the client is gone. The upstream has got nothing whole then.
 */
export async function deliver(
  session: SubmissionSession,
  message: AsyncIterable<Buffer>,
  recipients: readonly string[],
): Promise<Reply> {
  const delivery = new Delivery(session, recipients);
  let refusal: Reply | null = session.refusal;
  try {
    for await (const chunk of message) {
      // Refused: the rest is read and dropped, since SMTP has no way to stop a client before its final dot.
      if (refusal === null) refusal = await delivery.take(chunk);
    }
    if (refusal === null) {
      const outcome = await delivery.finish();
      if (isPositive(outcome)) return outcome;
      refusal = outcome;
    }
  } catch (error) {
    await delivery.abandon();
    throw error;
  }
  await delivery.abandon();
  throw new SmtpRefusal(refusal);
}

/** The upstream's answer to what was written down. */
interface SendingUnderWay {
  accepted(): Promise<void>;
  refused(): Promise<void>;
  unanswered(): Promise<void>;
}

class Delivery {
  readonly #session: SubmissionSession;
  readonly #recipients: readonly string[];
  readonly #header = new HeaderReader();
  readonly #stuffer = new DotStuffer();
  #upstream: UpstreamSmtp | null = null;
  #account: AccountStore | null = null;
  #spool: Spool | null = null;
  #octets = 0;

  constructor(session: SubmissionSession, recipients: readonly string[]) {
    this.#session = session;
    this.#recipients = recipients;
  }

  /** @returns the refusal that ends the message */
  async take(chunk: Buffer): Promise<Reply | null> {
    this.#octets += chunk.length;
    const maximum = this.#session.maxSize();
    if (this.#octets > maximum) return tooLarge(maximum);
    const inAll = this.#session.refusalOfSize(this.#octets);
    if (inAll !== null) return inAll;
    if (this.#upstream !== null) return this.#forward(this.#upstream, chunk);
    this.#header.push(chunk);
    return this.#header.complete || this.#header.tooLarge ? this.#start() : null;
  }

  /** The client's final dot is there. @returns the upstream's reply or our refusal */
  async finish(): Promise<Reply> {
    if (this.#upstream === null) {
      // A message of nothing but a header.
      const refusal = await this.#start();
      if (refusal !== null) return refusal;
    }
    const upstream = this.#upstream;
    if (upstream === null) return INTERNAL;
    if (!this.#stuffer.atLineStart) return BARE_NEWLINE;
    this.#session.committing();
    const sending = await this.#hold().catch(error => {
      this.#log('error', error, 'a message to be sent could not be archived');
      return 'failed' as const;
    });
    if (sending === 'failed') return NO_SPACE;
    if (!upstream.usable) {
      await sending?.refused();
      return PROVIDER_LOST;
    }
    let reply: Reply;
    try {
      reply = await upstream.command('.');
    } catch (error) {
      this.#log('error', error, 'the upstream did not confirm a message');
      await sending?.unanswered();
      return OUTCOME_UNKNOWN;
    }
    this.#upstream = null;
    await (isPositive(reply) ? sending?.accepted() : sending?.refused());
    this.#session.transactionEnded();
    return reply;
  }

  /** Leaves nothing behind of a message that was not sent. */
  async abandon(): Promise<void> {
    // In the middle of DATA the only way out is to break the connection; before it, the next MAIL begins with RSET.
    if (this.#upstream !== null) this.#session.abort();
    this.#upstream = null;
    await this.#spool?.discard().catch(() => {});
    this.#spool = null;
  }

  /** Checks the rules, opens the spool, then DATA upstream: nothing is begun that the archive could not hold. */
  async #start(): Promise<Reply | null> {
    const { account, services } = this.#session;
    if (account === null) return INTERNAL;
    const rules = account.upstream.kind === 'remote' ? account.upstream.submission : {};
    const refusal = checkHeader(this.#header, account.address, this.#recipients, rules);
    if (refusal !== null) return refusal;
    const { archive } = services.config;
    if (archive.enabled && archive.auto.sent) {
      try {
        this.#account = await services.directory.store(account);
        this.#spool = await this.#account.spool();
      } catch (error) {
        this.#log('error', error, 'no spool for a message to be sent');
        return NO_SPACE;
      }
    }
    try {
      this.#upstream = await this.#session.data();
    } catch (error) {
      if (error instanceof SmtpRefusal) return { code: error.responseCode, text: error.message };
      throw error;
    }
    return this.#forward(this.#upstream, this.#header.bytes);
  }

  async #forward(upstream: UpstreamSmtp, chunk: Buffer): Promise<Reply | null> {
    let encoded: Buffer;
    try {
      encoded = this.#stuffer.encode(chunk);
    } catch (error) {
      if (error instanceof BareNewlineError) return BARE_NEWLINE;
      throw error;
    }
    const [sent, kept] = await Promise.allSettled([upstream.write(encoded), this.#spool?.write(chunk)]);
    if (sent.status === 'rejected') {
      this.#log('warn', sent.reason, 'the upstream went away in the middle of a message');
      return sent.reason instanceof UpstreamGoneError && sent.reason.reply !== null ? sent.reason.reply : PROVIDER_LOST;
    }
    if (kept.status === 'rejected') {
      this.#log('error', kept.reason, 'a message to be sent could not be spooled');
      return NO_SPACE;
    }
    return null;
  }

  /** The octets go into the store, flushed, and what is about to be sent is written down; nothing shows it yet. */
  async #hold(): Promise<SendingUnderWay | null> {
    const { sendings } = this.#session.services;
    const spool = this.#spool;
    const account = this.#account;
    this.#spool = null;
    if (spool === null || account === null) return null;
    // Outside the account's service term mail is sent as ever, and no copy is kept.
    if (!isServed(await account.serviceTerm(), Date.now())) {
      await spool.discard();
      return null;
    }
    const held = await account.hold({ tree: 'archive' }, spool, {
      flags: ['\\Seen'],
      internalDate: Date.now(),
      origin: { direction: 'sent', source: 'submission' },
    });
    const id = await sendings.begin(account, held);
    return {
      accepted: () => sendings.accepted(account, id),
      refused: () => sendings.refused(account, id),
      unanswered: () => sendings.unanswered(account, id),
    };
  }

  #log(level: 'warn' | 'error', error: unknown, text: string): void {
    const { id, account, services } = this.#session;
    services.logger[level]({ session: id, account: account?.address, err: error }, text);
  }
}
