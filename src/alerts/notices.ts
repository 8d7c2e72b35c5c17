import type { Logger } from 'pino';
import { type Backoff, delayBefore } from '../archiver/backoff.ts';
import type { Config } from '../config/schema.ts';
import type { AccountStore } from '../store/types.ts';
import { sendLetter } from './mail.ts';
import type { Channel, Notice, QueuedNotice } from './notice.ts';
import { NoticeQueue } from './notice-queue.ts';
import { noticeText } from './notice-texts.ts';
import { postNotice } from './webhook.ts';

const HOUR = 60 * 60_000;
/** Longer than this nobody wants to hear of it any more. */
const GIVE_UP_AFTER = 72 * HOUR;
const BACKOFF: Backoff = { first: 30_000, longest: HOUR };
/** Notices of one letter. */
const MAX_IN_LETTER = 50;

export interface NoticesOptions {
  readonly config: Config['alerts'];
  readonly logger: Logger;
  readonly backoff?: Backoff;
}

/** Sends one account's notices, those that wait together by one letter, within the hourly limit. */
export class Notices {
  readonly #address: string;
  readonly #options: NoticesOptions;
  readonly #queue: NoticeQueue;
  readonly #stopping = new AbortController();
  /** When the last letters and requests went, milliseconds. */
  #went: number[] = [];
  #timer: NodeJS.Timeout | null = null;
  #running: Promise<void> | null = null;
  #failing = false;

  constructor(address: string, store: AccountStore, options: NoticesOptions) {
    this.#address = address;
    this.#options = options;
    this.#queue = new NoticeQueue(store);
  }

  /** Whether the last attempt failed. */
  get failing(): boolean {
    return this.#failing;
  }

  /** Resolves when the notice is on disk. */
  async add(id: string, notice: Notice): Promise<void> {
    if (await this.#queue.add(id, notice)) this.wake();
  }

  /** Sends what waits. */
  wake(delayMs = 0): void {
    if (this.#stopping.signal.aborted) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = null;
      if (this.#running !== null) return;
      this.#running = this.#send()
        .catch((error: unknown) => {
          this.#options.logger.error({ account: this.#address, err: error }, 'notices cannot be sent');
          return BACKOFF.longest;
        })
        .then(next => {
          this.#running = null;
          if (next !== null) this.wake(next);
        });
    }, delayMs);
    this.#timer.unref();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#running;
  }

  /** @returns when to go on, milliseconds from now; null when nothing waits */
  async #send(): Promise<number | null> {
    for (;;) {
      const waiting = await this.#queue.waiting();
      const now = Date.now();
      const due = waiting.filter(({ nextAt }) => nextAt <= now);
      if (this.#stopping.signal.aborted || waiting.length === 0) return null;
      if (due.length === 0) return Math.max(1, Math.min(...waiting.map(({ nextAt }) => nextAt)) - now);
      const rest = this.#untilNext();
      if (rest > 0) return rest;
      await this.#pass(due);
    }
  }

  /** One attempt at each channel for each notice, as far as the hourly limit goes: none holds up the other. */
  async #pass(due: readonly QueuedNotice[]): Promise<void> {
    const channels = this.#channels();
    const now = new Map(due.map(notice => [notice.id, notice]));
    const failed = new Set<string>();
    const missing = (channel: Channel) =>
      channels.includes(channel) ? [...now.values()].filter(({ sent }) => !sent.includes(channel)) : [];
    const attempt = async (channel: Channel, notices: readonly QueuedNotice[]): Promise<void> => {
      this.#went.push(Date.now());
      try {
        await (channel === 'mail' ? this.#mail(notices) : this.#post(notices));
        for (const notice of notices) now.set(notice.id, { ...notice, sent: [...notice.sent, channel] });
      } catch (error) {
        for (const { id } of notices) failed.add(id);
        this.#options.logger.warn({ account: this.#address, channel, err: error }, 'notices could not be sent');
      }
      await this.#queue.settle(outcomes(now, channels, new Set()));
    };
    const letter = missing('mail').slice(0, MAX_IN_LETTER);
    if (letter.length > 0) await attempt('mail', letter);
    for (const notice of missing('webhook')) {
      if (this.#stopping.signal.aborted || this.#untilNext() > 0) break;
      await attempt('webhook', [notice]);
    }
    this.#failing = failed.size > 0;
    await this.#queue.settle(outcomes(now, channels, failed, this.#options.backoff));
  }

  #mail(notices: readonly QueuedNotice[]): Promise<void> {
    const { config } = this.#options;
    const contents = notices.map(({ notice }) => notice);
    const [subject, text] = noticeText(this.#address, contents, config.contact);
    // The same notices make the same Message-ID: after a crash a repetition can be told.
    const id = `avviso-${Buffer.from(notices[0]?.id ?? '')
      .toString('hex')
      .slice(-48)}-${notices.length}@archivia.invalid`;
    return sendLetter(config, { to: config.accounts[this.#address]?.to ?? [], subject, text, id });
  }

  async #post(notices: readonly QueuedNotice[]): Promise<void> {
    const { webhook } = this.#options.config;
    if (webhook === undefined) throw new Error('no webhook');
    for (const notice of notices) await postNotice(webhook, this.#address, notice, this.#stopping.signal);
  }

  #channels(): readonly Channel[] {
    const { smtp, webhook, accounts } = this.#options.config;
    const wanted = accounts[this.#address];
    return [
      ...(smtp !== undefined && (wanted?.to.length ?? 0) > 0 ? (['mail'] as const) : []),
      ...(webhook !== undefined && wanted?.webhook ? (['webhook'] as const) : []),
    ];
  }

  /** Milliseconds until the hourly limit lets the next one go. */
  #untilNext(): number {
    const now = Date.now();
    this.#went = this.#went.filter(at => at > now - HOUR);
    const first = this.#went.at(-this.#options.config.maxPerHour);
    return first === undefined ? 0 : first + HOUR - now;
  }
}

/** What becomes of each notice: null when every channel that is wanted has it, or when it has failed for too long. */
function outcomes(
  notices: ReadonlyMap<string, QueuedNotice>,
  channels: readonly Channel[],
  failed: ReadonlySet<string>,
  backoff: Backoff = BACKOFF,
): Map<string, QueuedNotice | null> {
  const now = Date.now();
  return new Map(
    [...notices].map(([id, notice]) => {
      if (channels.every(channel => notice.sent.includes(channel))) return [id, null];
      if (!failed.has(id)) return [id, notice];
      if (now - notice.queuedAt > GIVE_UP_AFTER) return [id, null];
      const nextAt = now + Math.ceil(delayBefore(notice.attempts, backoff));
      return [id, { ...notice, attempts: notice.attempts + 1, nextAt }];
    }),
  );
}
