import type { ViewNames } from '../names.ts';
import type { Session } from '../session.ts';
import { rewriteCapabilities } from './capability-filter.ts';
import type { UpstreamNotifications } from './notifications.ts';
import type { UpstreamSelection } from './selection.ts';
import type { Disposition } from './splitter.ts';
import type { UpstreamConnection } from './upstream.ts';

/** An upstream that has said BYE closes the connection; one that does not is left after so long. */
const PARTING_MILLISECONDS = 2_000;

/** Untagged data that answers a command and says nothing of a selected mailbox. */
const ANSWER = /^\* (?:LIST|LSUB|XLIST|STATUS|NAMESPACE|QUOTA|QUOTAROOT|ACL|MYRIGHTS|LISTRIGHTS|METADATA|ENABLED) /i;
/** Told in any state: it is about the whole session. */
const SESSION_NEWS = /^\* (?:OK|NO) \[(?:ALERT|NOTIFICATIONOVERFLOW)\]/i;

/** Whether a response answers a command and says nothing of a selected mailbox. @param text its beginning */
export function isAnswer(text: string): boolean {
  return ANSWER.test(text);
}

/** What becomes of an upstream's untagged responses that no command of ours asked for. */
export class UntaggedResponses {
  readonly #session: Session;
  readonly #names: ViewNames;
  readonly #capabilities: readonly string[];
  readonly #selection: UpstreamSelection;
  readonly #notifications: UpstreamNotifications;
  /** Whether the upstream has a folder of its own that is \\Archive. */
  listedArchive = false;

  constructor(
    session: Session,
    capabilities: readonly string[],
    selection: UpstreamSelection,
    notifications: UpstreamNotifications,
  ) {
    if (session.names === null) throw new Error('session without names');
    this.#session = session;
    this.#names = session.names;
    this.#capabilities = capabilities;
    this.#selection = selection;
    this.#notifications = notifications;
  }

  /** @param line the first of the response */
  decide(line: Buffer, upstream: UpstreamConnection): Disposition {
    const text = line.toString('latin1', 0, 4096);
    // Its text names hosts; the connection's end is told in our own words.
    if (/^\* BYE\b/i.test(text)) {
      setTimeout(() => upstream.destroy(), PARTING_MILLISECONDS).unref();
      return 'drop';
    }
    const rewritten = rewriteCapabilities(text, this.#capabilities);
    if (rewritten !== null) {
      // Unasked for while a view is selected, it is no news either.
      if (this.#session.selected === null) this.#session.writer.relay(Buffer.from(`${rewritten}\r\n`, 'latin1'));
      return 'drop';
    }
    if (/^\* (?:LIST|XLIST|LSUB) /i.test(text)) return this.#list(text, line.length <= 4096);
    if (/^\* OK \[NOTIFICATIONOVERFLOW\]/i.test(text)) this.#notifications.upstreamOverflown();
    if (!this.#selection.none) return 'forward';
    return ANSWER.test(text) || SESSION_NEWS.test(text) ? this.#notifications.pass() : 'drop';
  }

  /** Notes what the merged list must know, and says that INBOX has children when our trees are among them. */
  #list(text: string, whole: boolean): Disposition {
    if (/^\* X?LIST \([^)]*\\Archive\b/i.test(text)) this.listedArchive = true;
    const { prefix, delimiter } = this.#names;
    if (prefix === '' || !whole || !/\\HasNoChildren|\\NoInferiors/i.test(text)) return this.#notifications.pass();
    const parent = prefix.endsWith(delimiter) ? prefix.slice(0, -delimiter.length) : prefix;
    const name = / "?([^" ]+)"?$/.exec(text)?.[1];
    if (name?.toUpperCase() !== parent.toUpperCase()) return this.#notifications.pass();
    const corrected = text.replace(/\\HasNoChildren/gi, '\\HasChildren').replace(/ ?\\NoInferiors/gi, '');
    this.#notifications.passOwn(Buffer.from(`${corrected}\r\n`, 'latin1'));
    return 'drop';
  }
}
