import { setTimeout as sleep } from 'node:timers/promises';
import type { Account } from '../../store/accounts/types.ts';
import { argumentsOf } from '../arguments.ts';
import { conclude, dispatch } from '../dispatch.ts';
import { FatalFailure, Refusal, SyntaxFailure } from '../errors.ts';
import { listViewLines, parseListCommand } from '../list/index.ts';
import type { ViewNames } from '../names.ts';
import { refuseBeyondPlan } from '../quota/index.ts';
import type { Relay, Session } from '../session.ts';
import type { IncomingCommand } from '../wire/reader.ts';
import { AnswerCollector } from './answers.ts';
import { commonCapabilities, rewriteCapabilities } from './capability-filter.ts';
import { enablesCondstore } from './condstore-use.ts';
import { copyIntoView } from './copy-in.ts';
import { forwardCommand } from './forward.ts';
import { DOWN, ignoreGone, UpstreamLink } from './link.ts';
import { MailboxArguments } from './mailbox-arguments.ts';
import { UpstreamNotifications } from './notifications.ts';
import { answerQuotaRoot, namesOwnRoot, quotaRootHooks } from './quota.ts';
import { copyToUpstream } from './restore.ts';
import { capabilityOf, routeOf } from './routes.ts';
import { mayBeHelped, searchHelp } from './search-help.ts';
import { UpstreamSelection } from './selection.ts';
import type { Disposition } from './splitter.ts';
import { leaveFolder } from './take-back.ts';
import { UntaggedResponses } from './untagged.ts';
import { type TaggedAnswer, type UpstreamConnection, UpstreamGone, type UpstreamListener } from './upstream.ts';
import { asList, XlistAnswers } from './xlist.ts';

const LOGOUT_MILLISECONDS = 5_000;
/** A client that has ended its side and is to be answered yet; most of them have gone altogether. */
const SETTLE_MILLISECONDS = 30_000;
/** Upstreams log out what is silent for half an hour; firewalls forget sooner. */
const KEEP_ALIVE_MILLISECONDS = 4 * 60_000;

/**
 * A session's relay. What concerns upstream folders is forwarded, pipelined, as the octets they are; what concerns a
 * view waits until every forwarded command is answered and is then run alone. So the order of answers is always that
 * of a server without proxy.
 *
 * While a view is selected nothing is selected upstream, and what the upstream says of its folders is dropped.
 */
export class RelaySession implements Relay {
  readonly capabilities: readonly string[];
  readonly #session: Session;
  readonly #names: ViewNames;
  readonly #account: Account;
  readonly #link: UpstreamLink;
  readonly #selection = new UpstreamSelection();
  readonly #notifications: UpstreamNotifications;
  readonly #untagged: UntaggedResponses;
  readonly #mailboxes: MailboxArguments;
  #closing = false;
  /** The client has left without ending its IDLE, which nobody will answer. */
  #leftIdling = false;
  readonly #keepAlive: NodeJS.Timeout;

  /** @param hasArchive the upstream has a folder for the archive already */
  constructor(
    session: Session,
    upstream: UpstreamConnection,
    credentials: { account: Account; password: string },
    hasArchive: boolean,
  ) {
    if (session.names === null) throw new Error('session without names');
    this.#session = session;
    this.#names = session.names;
    this.#account = credentials.account;
    this.capabilities = commonCapabilities(upstream.capabilities, session.services.config.limits.messageBytes);
    this.#mailboxes = new MailboxArguments(session);
    this.#notifications = new UpstreamNotifications(session, () => this.#link, this.#selection);
    this.#untagged = new UntaggedResponses(session, this.capabilities, this.#selection, this.#notifications);
    this.#untagged.listedArchive = hasArchive;
    this.#link = new UpstreamLink(session, upstream, credentials, this.#listener());
    session.signal.addEventListener('abort', () => this.#upstream.clientGone(), { once: true });
    this.#keepAlive = setInterval(() => this.#keepUpstream(), KEEP_ALIVE_MILLISECONDS).unref();
  }

  async take(command: IncomingCommand): Promise<void> {
    try {
      for (const { kind, octets } of command.segments) {
        // To some servers the one ends a line and the other a string.
        if (kind === 'text' && (octets.includes(0x0d) || octets.includes(0)))
          throw new SyntaxFailure('Invalid character');
      }
      await this.#route(command);
    } catch (error) {
      // Found to be wrong before either side has begun with it.
      if (!(error instanceof SyntaxFailure || error instanceof Refusal)) throw error;
      await this.#upstream.idle();
      await conclude(this.#session, command, false, () => Promise.reject(error));
    }
  }

  async #route(command: IncomingCommand): Promise<void> {
    const needed = capabilityOf(command.name);
    if (needed !== null && !this.capabilities.includes(needed)) return this.#runUnknown(command);
    switch (routeOf(command.name)) {
      case 'engine':
        return this.#runHere(command);
      case 'selected':
        if (this.#inView) return this.#runHere(command);
        return mayBeHelped(command) ? this.#search(command) : this.#forward(command, this.#tracking(command));
      case 'noop':
        return this.#inView ? this.#runHere(command) : this.#forward(command);
      case 'upstream':
        return this.#forward(command);
      case 'idle':
        return this.#selection.none ? this.#runHere(command) : this.#idle(command);
      case 'enable':
        return this.#enable(command);
      case 'select':
        return this.#select(command);
      case 'mailbox':
      case 'append': {
        const named = await this.#mailboxes.first(command);
        return named.ours ? this.#runHere(named.command) : this.#forward(named.command, this.#filing(named.command));
      }
      case 'rename':
        return this.#rename(command);
      case 'list':
        return this.#list(command);
      case 'copy':
        return this.#copy(command);
      case 'quota': {
        const whole = await this.#session.reader.complete(command, this.#session.invite);
        const ours = namesOwnRoot(this.#session, whole) || !this.#upstream.capabilities.has('QUOTA');
        return ours ? this.#runHere(whole) : this.#forward(whole);
      }
      case 'quotaroot':
        return this.#quotaRoot(command);
      case 'notify':
        return this.#notifications.run(command, this.#mailboxes);
    }
  }

  async settle(): Promise<void> {
    const { signal } = this.#session;
    if (this.#leftIdling || signal.aborted) return;
    const gone = new Promise<void>(resolve => signal.addEventListener('abort', () => resolve(), { once: true }));
    await Promise.race([this.#upstream.idle(), gone, sleep(SETTLE_MILLISECONDS, undefined, { ref: false })]);
  }

  async close(): Promise<void> {
    this.#closing = true;
    clearInterval(this.#keepAlive);
    this.#upstream.end();
  }

  get #upstream(): UpstreamConnection {
    return this.#link.upstream;
  }

  get #inView(): boolean {
    return this.#session.selected !== null;
  }

  /** The engine runs it, once everything before it has been answered. */
  async #runHere(command: IncomingCommand): Promise<void> {
    // A dead upstream must not keep anybody from leaving.
    if (command.name === 'LOGOUT')
      await Promise.race([this.#upstream.idle(), sleep(LOGOUT_MILLISECONDS, null, { ref: false })]);
    else await this.#upstream.idle();
    await dispatch(this.#session, command);
  }

  /** A command of an extension that is not told works nowhere: not in a view that knows it, nor upstream. */
  async #runUnknown(command: IncomingCommand): Promise<void> {
    await this.#upstream.idle();
    await conclude(this.#session, command, false, async () => {
      await this.#session.reader.refuseLiteral(command.literal);
      throw new SyntaxFailure('Unknown command');
    });
  }

  async #forward(command: IncomingCommand, onAnswer?: (answer: TaggedAnswer) => void): Promise<void> {
    const upstream = await this.#link.reachable(command);
    if (upstream === null) return;
    if (!this.#link.enabled.has('CONDSTORE') && enablesCondstore(command)) {
      this.#link.enabled.add('CONDSTORE');
      this.#session.enabled.add('CONDSTORE');
    }
    await forwardCommand(this.#session, upstream, command, { ...this.#hooks, answered: onAnswer });
  }

  readonly #hooks = {
    deliver: (line: Buffer) => this.#deliver(line),
    lost: (tag: string) => this.#lost(tag),
  };

  /** A forwarded command whose answer will not come; with a folder selected the whole session ends. */
  #lost(tag: string): void {
    this.#selection.lost();
    if (this.#closing || !this.#selection.none) return;
    this.#session.writer.relay(Buffer.from(`${tag} NO [UNAVAILABLE] ${DOWN}\r\n`, 'latin1'));
  }

  /** Commands that change what is selected upstream. */
  #tracking(command: IncomingCommand): ((answer: TaggedAnswer) => void) | undefined {
    if (command.name !== 'CLOSE' && command.name !== 'UNSELECT') return undefined;
    return this.#selection.closed;
  }

  /** Commands that put a message into an upstream folder. */
  #filing(command: IncomingCommand): ((answer: TaggedAnswer) => void) | undefined {
    if (!/^(?:APPEND|(?:UID )?(?:COPY|MOVE))$/.test(command.name)) return undefined;
    return answer => {
      if (answer.status === 'OK') this.#session.services.onUpstreamFiled(this.#account);
    };
  }

  async #select(command: IncomingCommand): Promise<void> {
    const session = this.#session;
    const named = await this.#mailboxes.first(command);
    if (named.ours) {
      await this.#upstream.idle();
      if (!this.#selection.none) {
        await this.#deselectUpstream();
        session.writer.line('* OK [CLOSED] Previous mailbox closed.');
      }
      await dispatch(session, named.command);
      return;
    }
    if (this.#inView) {
      await this.#upstream.idle();
      await session.selected?.close();
      session.selected = null;
      session.writer.line('* OK [CLOSED] Previous mailbox closed.');
      await session.writer.flush();
    }
    const upstream = await this.#link.reachable(named.command);
    if (upstream === null) return;
    await this.#link.enable(upstream);
    if (enablesCondstore(named.command)) this.#session.enabled.add('CONDSTORE');
    const selecting = this.#selection.begin(this.#mailboxes.folder(named.command));
    await forwardCommand(session, upstream, named.command, { ...this.#hooks, ...selecting });
  }

  /** A search for a text in an upstream folder: the index helps where the archive has all its messages. */
  async #search(command: IncomingCommand): Promise<void> {
    const { services, store, enabled } = this.#session;
    if (store === null || !services.config.archive.upstreamSearch) return this.#forward(command);
    const whole = await this.#session.reader.complete(command, this.#session.invite);
    await this.#upstream.idle();
    const { opened } = this.#selection;
    if (opened === null || !this.#upstream.usable || this.#selection.none) return this.#forward(whole);
    const help = await searchHelp(store, opened, whole, enabled.has('UTF8=ACCEPT')).catch(error => {
      // The mailbox goes on without the archive.
      this.#session.logger.warn({ err: error }, 'search not helped');
      return null;
    });
    const helped = help !== null && (await this.#hasAll(help.checks));
    await this.#forward(helped ? help.command : whole);
  }

  /** Whether searches for what the archive does not have find nothing. */
  async #hasAll(checks: readonly string[]): Promise<boolean> {
    let missing = false;
    const capture = (line: Buffer): Disposition | null => {
      const text = line.toString('latin1', 0, 128);
      // Updates of a context are the client's (RFC 5267 section 4.3).
      if (!/^\* E?SEARCH\b/i.test(text) || /\b(?:ADDTO|REMOVEFROM)\b/i.test(text)) return null;
      if (/^\* SEARCH \d|^\* ESEARCH .*\bALL \d/i.test(text)) missing = true;
      return 'drop';
    };
    for (const check of checks) {
      const answer = await this.#upstream.command([check], { capture }).catch(error => {
        if (error instanceof UpstreamGone) return null;
        throw error;
      });
      if (answer?.status !== 'OK' || missing) return false;
    }
    return true;
  }

  /** Leaves the upstream's folder without expunging it; what it says of the folder meanwhile is dropped. */
  async #deselectUpstream(): Promise<void> {
    this.#selection.leave();
    if (!this.#upstream.usable) return;
    await leaveFolder(this.#upstream).catch(ignoreGone);
  }

  /** ENABLE holds on both sides of the border, so only what both can do is switched on (RFC 5161). */
  async #enable(command: IncomingCommand): Promise<void> {
    const session = this.#session;
    const upstream = await this.#link.reachable(command);
    if (upstream === null) return;
    await upstream.idle();
    await conclude(session, command, true, async () => {
      const parser = argumentsOf(await session.reader.complete(command, session.invite));
      const wanted: string[] = [];
      do {
        parser.space();
        wanted.push(parser.keyword());
      } while (!parser.atEnd);
      const known = wanted.filter(name => this.capabilities.some(capability => capability.toUpperCase() === name));
      const enabled: string[] = [];
      if (known.length > 0) {
        const collector = new AnswerCollector('ENABLED');
        await this.#link.own(upstream.command([`ENABLE ${known.join(' ')}`], { capture: collector.capture }));
        for (const answer of collector.answers) while (answer.take(' ')) enabled.push(answer.keyword());
      }
      for (const name of enabled) {
        session.enabled.add(name);
        this.#link.enabled.add(name);
      }
      session.writer.line(`* ENABLED${enabled.map(name => ` ${name}`).join('')}`);
      return { text: 'ENABLE completed.' };
    });
  }

  async #rename(command: IncomingCommand): Promise<void> {
    const whole = await this.#session.reader.complete(command, this.#session.invite);
    const ours = this.#mailboxes.eitherOfTwo(whole);
    await (ours ? this.#runHere(whole) : this.#forward(whole));
  }

  /** The upstream's folders first, ours after them, then the upstream's tagged answer. */
  async #list(command: IncomingCommand): Promise<void> {
    const session = this.#session;
    const whole = await session.reader.complete(command, session.invite);
    const upstream = await this.#link.reachable(whole);
    if (upstream === null) return;
    const xlist = whole.name === 'XLIST' ? new XlistAnswers() : null;
    await forwardCommand(session, upstream, xlist === null ? whole : asList(whole), {
      ...this.#hooks,
      capture: xlist?.capture,
      beforeAnswer: async answer => {
        xlist?.tell(session);
        if (xlist?.hasArchive === true) this.#untagged.listedArchive = true;
        if (answer.status !== 'OK') return;
        try {
          const request = parseListCommand(whole, argumentsOf(whole), session);
          const lines = await listViewLines(session, request, { archiveSpecialUse: !this.#untagged.listedArchive });
          for (const line of lines) session.writer.line(line);
        } catch (error) {
          // The upstream has understood what we have not, or the archive is not to be had: the mailbox goes on.
          if (!(error instanceof SyntaxFailure)) session.logger.warn({ err: error }, 'views not listed');
        }
        await session.writer.flush();
      },
    });
  }

  async #quotaRoot(command: IncomingCommand): Promise<void> {
    const session = this.#session;
    const whole = await session.reader.complete(command, session.invite);
    if ((await this.#mailboxes.first(whole)).ours) return this.#runHere(whole);
    const upstream = await this.#link.reachable(whole);
    if (upstream === null) return;
    if (upstream.capabilities.has('QUOTA')) {
      return forwardCommand(session, upstream, whole, { ...this.#hooks, ...quotaRootHooks(session, whole) });
    }
    await upstream.idle();
    await conclude(session, whole, true, () => answerQuotaRoot(session, whole));
  }

  async #idle(command: IncomingCommand): Promise<void> {
    const session = this.#session;
    const upstream = await this.#link.reachable(command);
    if (upstream === null) return;
    const begun = Promise.withResolvers<'invited' | 'over'>();
    let over = false;
    await forwardCommand(session, upstream, command, {
      ...this.#hooks,
      invited: () => begun.resolve('invited'),
      answered: () => {
        over = true;
        begun.resolve('over');
      },
      lost: tag => {
        over = true;
        this.#lost(tag);
        begun.resolve('over');
      },
    });
    if ((await begun.promise) === 'over') return;
    const line = await session.reader.line();
    // The client is gone: ended upstream when the connection closes.
    if (line === null) {
      this.#leftIdling = true;
      return;
    }
    const done = line.toString('latin1').toUpperCase() === 'DONE';
    // The upstream ended it by itself; what the client says next is a command, unless it is the DONE that crossed.
    if (!over) await upstream.write(`${line.toString('latin1')}\r\n`);
    else if (!done) session.reader.unreadLine(line);
  }

  async #copy(command: IncomingCommand): Promise<void> {
    const session = this.#session;
    const whole = await session.reader.complete(command, session.invite);
    const mailbox = this.#mailboxes.destination(whole);
    const destination = mailbox === null ? null : this.#names.view(mailbox);
    const ours = mailbox !== null && this.#names.owns(mailbox);
    if (this.#inView ? ours || mailbox === null : !ours) {
      return this.#inView ? this.#runHere(whole) : this.#forward(whole, this.#filing(whole));
    }
    const upstream = await this.#link.reachable(whole);
    if (upstream === null) return;
    await upstream.idle();
    await conclude(session, whole, true, async () => {
      if (this.#inView) return copyToUpstream(session, this.#link, whole);
      if (this.#selection.none) throw new SyntaxFailure('No mailbox selected');
      if (destination === null) throw new Refusal('NONEXISTENT', 'Questa cartella non esiste.');
      if (whole.name.endsWith('MOVE')) this.#checkMayMove();
      await refuseBeyondPlan(session, destination, 1);
      return this.#link.own(copyIntoView(session, upstream, whole, { from: this.#selection.opened, to: destination }));
    });
  }

  #checkMayMove(): void {
    if (this.#selection.readOnly) {
      throw new Refusal('CANNOT', 'La cartella è aperta in sola lettura: i messaggi si possono copiare, non spostare.');
    }
    if (!this.#upstream.capabilities.has('UIDPLUS')) {
      throw new Refusal('CANNOT', 'Il server del gestore non permette uno spostamento sicuro: copiare i messaggi.');
    }
  }

  #listener(): UpstreamListener {
    const { writer } = this.#session;
    const selection = this.#selection;
    return {
      get transparent() {
        return !selection.none;
      },
      untagged: line => this.#untagged.decide(line, this.#upstream),
      forward: (octets, more) => writer.relay(octets, more),
      clientDrained: () => writer.drained(),
      closed: (error, midResponse) => this.#upstreamClosed(error, midResponse),
    };
  }

  /** A tagged line or a continuation request on its way to the client. */
  #deliver(line: Buffer): void {
    const text = line.toString('latin1');
    const rewritten = rewriteCapabilities(text, this.capabilities) ?? text;
    this.#session.writer.relay(Buffer.from(`${rewritten}\r\n`, 'latin1'));
  }

  #upstreamClosed(error: UpstreamGone, midResponse: boolean): void {
    if (this.#closing) return;
    const session = this.#session;
    session.logger.warn({ err: error }, 'upstream gone');
    // Without a folder the user goes on, in a view or not; the upstream is called again when it is needed.
    if (this.#selection.none && !midResponse) return;
    session.disconnect(
      midResponse ? null : new FatalFailure('UNAVAILABLE', 'Il server del gestore PEC ha chiuso la connessione.'),
    );
  }

  #keepUpstream(): void {
    const upstream = this.#upstream;
    if (!this.#selection.none || upstream.busy) return;
    if (upstream.usable) upstream.prompt('NOOP').catch(ignoreGone);
    // Who is to be notified does not come to call.
    else if (this.#link.notify !== null && !this.#closing) this.#link.reconnect().catch(ignoreGone);
  }
}
