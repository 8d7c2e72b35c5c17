import { argumentsOf } from '../arguments.ts';
import { setNotifications } from '../commands/notify.ts';
import { conclude } from '../dispatch.ts';
import { Refusal, SyntaxFailure } from '../errors.ts';
import { parseNotify, SILENCE } from '../notify/index.ts';
import type { Session } from '../session.ts';
import type { IncomingCommand } from '../wire/reader.ts';
import { ignoreGone, type UpstreamLink } from './link.ts';
import type { MailboxArguments } from './mailbox-arguments.ts';
import { HeldResponses, upstreamNotify } from './notify.ts';
import type { UpstreamSelection } from './selection.ts';
import type { Disposition } from './splitter.ts';
import { isAnswer } from './untagged.ts';
import type { TaggedAnswer } from './upstream.ts';

/** NOTIFY on both sides (RFC 5465), and what the upstream tells of its own accord meanwhile. */
export class UpstreamNotifications {
  readonly #session: Session;
  readonly #link: () => UpstreamLink;
  readonly #selection: UpstreamSelection;
  readonly #held = new HeldResponses(() => this.#overflown());

  constructor(session: Session, link: () => UpstreamLink, selection: UpstreamSelection) {
    this.#session = session;
    this.#link = link;
    this.#selection = selection;
    session.turn.onFree = () => this.#releaseHeld();
  }

  /**
   * What names views is watched here, the rest by the upstream; personal and subscribed mailboxes by both. The
   * upstream's refusal is the client's.
   */
  async run(command: IncomingCommand, mailboxes: MailboxArguments): Promise<void> {
    const session = this.#session;
    const link = this.#link();
    const whole = await session.reader.complete(command, session.invite);
    const upstream = await link.reachable(whole);
    if (upstream === null) return;
    await upstream.idle();
    await conclude(session, whole, true, async () => {
      const request = parseNotify(argumentsOf(whole));
      const parts = upstreamNotify(request, octets => mailboxes.owns(octets));
      // The STATUS responses that were asked for come before the tagged answer.
      const capture = (line: Buffer): Disposition | null =>
        isAnswer(line.toString('latin1', 0, 32)) ? 'forward' : null;
      const answer = await link.own(upstream.command(parts, { capture }));
      if (answer.status === 'BAD') throw new SyntaxFailure(answer.text);
      if (answer.status === 'NO') throw refusalOf(answer);
      link.notify = parts;
      this.#held.reopen();
      await setNotifications(session, request, () => this.#silenceUpstream());
      return { text: 'Notify completed.' };
    });
  }

  /** To the client, unless a command of ours is answering: then behind that. */
  pass(): Disposition {
    return this.#selection.none && this.#session.turn.taken ? this.#held.sink() : 'forward';
  }

  /** The same for a response that is not the upstream's own octets. */
  passOwn(octets: Buffer): void {
    if (this.pass() === 'forward') this.#session.writer.relay(octets);
    else this.#held.add([octets], octets.length);
  }

  /** The upstream has more to tell than it will: it is silent from now on, and so are we. */
  upstreamOverflown(): void {
    const link = this.#link();
    if (link.notify === null) return;
    link.notify = null;
    this.#silence();
  }

  /** More notifications than can be kept: both sides are silent from now on, and the client knows. */
  #overflown(): void {
    this.#silence();
    this.#silenceUpstream();
  }

  #silence(): void {
    this.#session.notify?.stop();
    this.#session.notify = SILENCE;
  }

  #silenceUpstream(): void {
    const link = this.#link();
    link.notify = null;
    if (link.upstream.usable) link.upstream.command(['NOTIFY NONE']).catch(ignoreGone);
  }

  /** What the upstream told while a command of ours was running. */
  #releaseHeld(): void {
    for (const response of this.#held.take()) this.#session.writer.relay(response);
  }
}

/** The upstream's NO, with its code. */
function refusalOf(answer: TaggedAnswer): Refusal {
  const [, code = null, text = answer.text] = /^\[([^\]]*)\] ?(.*)$/s.exec(answer.text) ?? [];
  return new Refusal(code, text);
}
