import { setTimeout as sleep } from 'node:timers/promises';
import type { Account } from '../../store/accounts/types.ts';
import { argumentsOf } from '../arguments.ts';
import { setNotifications } from '../commands/notify.ts';
import { conclude, dispatch } from '../dispatch.ts';
import { FatalFailure, Refusal, SyntaxFailure } from '../errors.ts';
import { listViewLines, parseListCommand } from '../list/index.ts';
import { decodeMutf7 } from '../mutf7.ts';
import type { ViewNames } from '../names.ts';
import { parseNotify, SILENCE } from '../notify/index.ts';
import { refuseBeyondPlan } from '../quota/index.ts';
import type { Relay, Session } from '../session.ts';
import { utf8 } from '../wire/parser.ts';
import type { IncomingCommand } from '../wire/reader.ts';
import { AnswerCollector } from './answers.ts';
import { commonCapabilities, rewriteCapabilities } from './capability-filter.ts';
import { copyIntoView } from './copy-in.ts';
import { forwardCommand } from './forward.ts';
import { HeldResponses, upstreamNotify } from './notify.ts';
import { answerQuotaRoot, namesOwnRoot, quotaRootHooks } from './quota.ts';
import { copyToUpstream } from './restore.ts';
import { capabilityOf, routeOf } from './routes.ts';
import type { Disposition } from './splitter.ts';
import { type CommandPart, type TaggedAnswer, UpstreamConnection, UpstreamGone } from './upstream.ts';

const LOGOUT_MILLISECONDS = 5_000;
/** Upstreams log out what is silent for half an hour; firewalls forget sooner. */
const KEEP_ALIVE_MILLISECONDS = 4 * 60_000;

const DOWN = 'Il server del gestore PEC non risponde: riprovare tra qualche minuto.';

/** An upstream that has said BYE closes the connection; one that does not is left after so long. */
const PARTING_MILLISECONDS = 2_000;

/** Untagged data that answers a command and says nothing of a selected mailbox. */
const ANSWER = /^\* (?:LIST|LSUB|XLIST|STATUS|NAMESPACE|QUOTA|QUOTAROOT|ACL|MYRIGHTS|LISTRIGHTS|METADATA|ENABLED) /i;
/** Told in any state: it is about the whole session. */
const SESSION_NEWS = /^\* (?:OK|NO) \[(?:ALERT|NOTIFICATIONOVERFLOW)\]/i;

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
  readonly #credentials: { account: Account; password: string };
  #upstream: UpstreamConnection;
  /** What is selected upstream; `opening` while the answer to a SELECT is awaited. */
  #folder: 'none' | 'opening' | 'read-write' | 'read-only' = 'none';
  /** SELECTs that the upstream has not answered. */
  #opening = 0;
  #upstreamHasArchive = false;
  /** What has been switched on upstream, by ENABLE or by the use of it. */
  readonly #enabledUpstream = new Set<string>();
  /** What the upstream notifies of, to be asked again of a new connection. */
  #notifyUpstream: readonly CommandPart[] | null = null;
  readonly #held = new HeldResponses(() => this.#overflown());
  #closing = false;
  readonly #keepAlive: NodeJS.Timeout;

  constructor(session: Session, upstream: UpstreamConnection, credentials: { account: Account; password: string }) {
    if (session.names === null) throw new Error('session without names');
    this.#session = session;
    this.#names = session.names;
    this.#credentials = credentials;
    this.#upstream = upstream;
    this.capabilities = commonCapabilities(upstream.capabilities, session.services.config.limits.messageBytes);
    this.#attach(upstream);
    session.turn.onFree = () => this.#releaseHeld();
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
        return this.#inView ? this.#runHere(command) : this.#forward(command, this.#tracking(command));
      case 'noop':
        return this.#inView ? this.#runHere(command) : this.#forward(command);
      case 'upstream':
        return this.#forward(command);
      case 'idle':
        return this.#folder === 'none' ? this.#runHere(command) : this.#idle(command);
      case 'enable':
        return this.#enable(command);
      case 'select':
        return this.#select(command);
      case 'mailbox':
      case 'append': {
        const named = await this.#withMailbox(command);
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
        return this.#notify(command);
    }
  }

  async close(): Promise<void> {
    this.#closing = true;
    clearInterval(this.#keepAlive);
    this.#upstream.end();
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
    const upstream = await this.#reachable(command);
    if (upstream === null) return;
    if (!this.#enabledUpstream.has('CONDSTORE') && enablesCondstore(command)) {
      this.#enabledUpstream.add('CONDSTORE');
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
    // A SELECT that fails leaves nothing selected (RFC 3501 section 6.3.1), so the session can go on.
    this.#opening = 0;
    if (this.#folder === 'opening') this.#folder = 'none';
    if (this.#closing || this.#folder !== 'none') return;
    this.#session.writer.relay(Buffer.from(`${tag} NO [UNAVAILABLE] ${DOWN}\r\n`, 'latin1'));
  }

  /** Commands that change what is selected upstream. */
  #tracking(command: IncomingCommand): ((answer: TaggedAnswer) => void) | undefined {
    if (command.name !== 'CLOSE' && command.name !== 'UNSELECT') return undefined;
    return answer => {
      if (answer.status === 'OK') this.#selectedUpstream('none');
    };
  }

  /** Commands that put a message into an upstream folder. */
  #filing(command: IncomingCommand): ((answer: TaggedAnswer) => void) | undefined {
    if (!/^(?:APPEND|(?:UID )?(?:COPY|MOVE))$/.test(command.name)) return undefined;
    return answer => {
      if (answer.status === 'OK') this.#session.services.onUpstreamFiled(this.#credentials.account);
    };
  }

  async #select(command: IncomingCommand): Promise<void> {
    const session = this.#session;
    const named = await this.#withMailbox(command);
    if (named.ours) {
      await this.#upstream.idle();
      if (this.#folder !== 'none') {
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
    const upstream = await this.#reachable(named.command);
    if (upstream === null) return;
    await this.#enableUpstream(upstream);
    if (enablesCondstore(named.command)) this.#session.enabled.add('CONDSTORE');
    // From the first response on, the folder's data is the client's.
    this.#folder = 'opening';
    this.#opening++;
    await forwardCommand(session, upstream, named.command, {
      ...this.#hooks,
      answered: answer => {
        this.#opening--;
        if (answer.status !== 'OK') this.#selectedUpstream('none');
        else this.#selectedUpstream(/^\[READ-ONLY\]/i.test(answer.text) ? 'read-only' : 'read-write');
      },
    });
  }

  /** An answer says what is selected now, unless the client has gone on to the next folder already. */
  #selectedUpstream(folder: 'none' | 'read-write' | 'read-only'): void {
    this.#folder = this.#opening > 0 ? 'opening' : folder;
  }

  /** Leaves the upstream's folder without expunging it; what it says of the folder meanwhile is dropped. */
  async #deselectUpstream(): Promise<void> {
    this.#folder = 'none';
    if (!this.#upstream.usable) return;
    // Without UNSELECT, a SELECT that fails does the same (RFC 3501 section 6.3.1); CLOSE would expunge.
    const leave = this.#upstream.capabilities.has('UNSELECT')
      ? 'UNSELECT'
      : `EXAMINE "archivia-${Math.random().toString(36).slice(2)}"`;
    await this.#upstream.command([leave]).catch(ignoreGone);
  }

  /** What the client switched on while it was in a view, or before the upstream was lost, holds upstream too. */
  async #enableUpstream(upstream: UpstreamConnection): Promise<void> {
    const missing = [...this.#session.enabled].filter(
      name =>
        !this.#enabledUpstream.has(name) && upstream.capabilities.has(name) && upstream.capabilities.has('ENABLE'),
    );
    if (missing.length === 0) return;
    await upstream.idle();
    for (const name of missing) this.#enabledUpstream.add(name);
    const capture = (line: Buffer) => (/^\* ENABLED\b/i.test(line.toString('latin1', 0, 16)) ? 'drop' : null);
    await upstream.command([`ENABLE ${missing.join(' ')}`], { capture }).catch(ignoreGone);
  }

  /** ENABLE holds on both sides of the border, so only what both can do is switched on (RFC 5161). */
  async #enable(command: IncomingCommand): Promise<void> {
    const session = this.#session;
    const upstream = await this.#reachable(command);
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
        await this.#own(upstream.command([`ENABLE ${known.join(' ')}`], { capture: collector.capture }));
        for (const answer of collector.answers) while (answer.take(' ')) enabled.push(answer.keyword());
      }
      for (const name of enabled) {
        session.enabled.add(name);
        this.#enabledUpstream.add(name);
      }
      session.writer.line(`* ENABLED${enabled.map(name => ` ${name}`).join('')}`);
      return { text: 'ENABLE completed.' };
    });
  }

  /**
   * What names views is watched here, the rest by the upstream; personal and subscribed mailboxes by both. The
   * upstream's refusal is the client's.
   */
  async #notify(command: IncomingCommand): Promise<void> {
    const session = this.#session;
    const whole = await session.reader.complete(command, session.invite);
    const upstream = await this.#reachable(whole);
    if (upstream === null) return;
    await upstream.idle();
    await conclude(session, whole, true, async () => {
      const request = parseNotify(argumentsOf(whole));
      const parts = upstreamNotify(request, octets => this.#owns(octets));
      // The STATUS responses that were asked for come before the tagged answer.
      const capture = (line: Buffer): Disposition | null =>
        ANSWER.test(line.toString('latin1', 0, 32)) ? 'forward' : null;
      const answer = await this.#own(upstream.command(parts, { capture }));
      if (answer.status === 'BAD') throw new SyntaxFailure(answer.text);
      if (answer.status === 'NO') throw refusalOf(answer);
      this.#notifyUpstream = parts;
      this.#held.reopen();
      await setNotifications(session, request, () => this.#silenceUpstream());
      return { text: 'Notify completed.' };
    });
  }

  /** More notifications than can be kept: both sides are silent from now on, and the client knows. */
  #overflown(): void {
    this.#session.notify?.stop();
    this.#session.notify = SILENCE;
    this.#silenceUpstream();
  }

  #silenceUpstream(): void {
    this.#notifyUpstream = null;
    if (this.#upstream.usable) this.#upstream.command(['NOTIFY NONE']).catch(ignoreGone);
  }

  /** What the upstream told while a command of ours was running. */
  #releaseHeld(): void {
    for (const response of this.#held.take()) this.#session.writer.relay(response);
  }

  /** To the client, unless a command of ours is answering: then behind that. */
  #pass(): Disposition {
    return this.#folder === 'none' && this.#session.turn.taken ? this.#held.sink() : 'forward';
  }

  async #rename(command: IncomingCommand): Promise<void> {
    const whole = await this.#session.reader.complete(command, this.#session.invite);
    let ours = false;
    try {
      const parser = argumentsOf(whole);
      parser.space();
      ours = this.#owns(parser.astring());
      parser.space();
      ours = this.#owns(parser.astring()) || ours;
    } catch {
      // Not for us to say: the upstream answers what it makes of it.
    }
    await (ours ? this.#runHere(whole) : this.#forward(whole));
  }

  /** The upstream's folders first, ours after them, then the upstream's tagged answer. */
  async #list(command: IncomingCommand): Promise<void> {
    const session = this.#session;
    const whole = await session.reader.complete(command, session.invite);
    const upstream = await this.#reachable(whole);
    if (upstream === null) return;
    await forwardCommand(session, upstream, whole, {
      ...this.#hooks,
      beforeAnswer: async answer => {
        if (answer.status !== 'OK') return;
        const request = parseListCommand(whole, argumentsOf(whole), session);
        const lines = await listViewLines(session, request, { archiveSpecialUse: !this.#upstreamHasArchive });
        for (const line of lines) session.writer.line(line);
        await session.writer.flush();
      },
    });
  }

  async #quotaRoot(command: IncomingCommand): Promise<void> {
    const session = this.#session;
    const whole = await session.reader.complete(command, session.invite);
    if ((await this.#withMailbox(whole)).ours) return this.#runHere(whole);
    const upstream = await this.#reachable(whole);
    if (upstream === null) return;
    if (upstream.capabilities.has('QUOTA')) {
      return forwardCommand(session, upstream, whole, { ...this.#hooks, ...quotaRootHooks(session, whole) });
    }
    await upstream.idle();
    await conclude(session, whole, true, () => answerQuotaRoot(session, whole));
  }

  async #idle(command: IncomingCommand): Promise<void> {
    const session = this.#session;
    const upstream = await this.#reachable(command);
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
    });
    if ((await begun.promise) === 'over') return;
    const line = await session.reader.line();
    // The client is gone: ended upstream when the connection closes.
    if (line === null) return;
    const done = line.toString('latin1').toUpperCase() === 'DONE';
    // The upstream ended it by itself; what the client says next is a command, unless it is the DONE that crossed.
    if (!over) await upstream.write(`${line.toString('latin1')}\r\n`);
    else if (!done) session.reader.unreadLine(line);
  }

  async #copy(command: IncomingCommand): Promise<void> {
    const session = this.#session;
    const whole = await session.reader.complete(command, session.invite);
    let mailbox: string | null = null;
    try {
      const parser = argumentsOf(whole);
      parser.space();
      parser.sequenceSet();
      parser.space();
      mailbox = this.#decode(parser.astring());
    } catch {
      // Malformed: whoever runs it says so.
    }
    const destination = mailbox === null ? null : this.#names.view(mailbox);
    const ours = mailbox !== null && this.#names.owns(mailbox);
    if (this.#inView ? ours || mailbox === null : !ours) {
      return this.#inView ? this.#runHere(whole) : this.#forward(whole, this.#filing(whole));
    }
    const upstream = await this.#reachable(whole);
    if (upstream === null) return;
    await upstream.idle();
    await conclude(session, whole, true, async () => {
      if (this.#inView) return this.#own(copyToUpstream(session, upstream, whole));
      if (this.#folder === 'none') throw new SyntaxFailure('No mailbox selected');
      if (destination === null) throw new Refusal('NONEXISTENT', 'Questa cartella non esiste.');
      if (whole.name.endsWith('MOVE')) this.#checkMayMove();
      await refuseBeyondPlan(session, destination, 1);
      return this.#own(copyIntoView(session, upstream, whole, destination));
    });
  }

  /** A lost upstream under a command of ours is the client's NO [UNAVAILABLE]. */
  async #own<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      if (error instanceof UpstreamGone) throw new Refusal('UNAVAILABLE', DOWN);
      throw error;
    }
  }

  #checkMayMove(): void {
    if (this.#folder === 'read-only') {
      throw new Refusal('CANNOT', 'La cartella è aperta in sola lettura: i messaggi si possono copiare, non spostare.');
    }
    if (!this.#upstream.capabilities.has('UIDPLUS')) {
      throw new Refusal('CANNOT', 'Il server del gestore non permette uno spostamento sicuro: copiare i messaggi.');
    }
  }

  /** Reads the mailbox argument when it is a literal, and tells whether the name is ours. */
  async #withMailbox(command: IncomingCommand): Promise<{ command: IncomingCommand; ours: boolean }> {
    let current = command;
    const text = command.segments[0]?.octets.toString('latin1') ?? '';
    const literalIsMailbox = command.literal !== null && text.slice(argumentStart(command)).trim() === '';
    if (literalIsMailbox) current = await this.#session.reader.argument(command, this.#session.invite);
    try {
      const parser = argumentsOf(current);
      parser.space();
      return { command: current, ours: this.#owns(parser.astring()) };
    } catch {
      return { command: current, ours: false };
    }
  }

  #decode(octets: string): string | null {
    return this.#session.utf8Names ? utf8(octets) : decodeMutf7(octets);
  }

  #owns(octets: string): boolean {
    const name = this.#decode(octets);
    return name !== null && this.#names.owns(name);
  }

  /**
   * The upstream, connected anew when it was lost while a view was selected. Null: the command has been answered
   * with NO [UNAVAILABLE].
   */
  async #reachable(command: IncomingCommand): Promise<UpstreamConnection | null> {
    if (this.#upstream.usable) return this.#upstream;
    try {
      return await this.#reconnect();
    } catch (error) {
      this.#session.logger.warn({ err: error }, 'upstream not reachable');
      await conclude(this.#session, command, false, async () => {
        await this.#session.reader.refuseLiteral(command.literal);
        throw new Refusal('UNAVAILABLE', DOWN);
      });
      return null;
    }
  }

  /** Rejects when the upstream cannot be had. */
  async #reconnect(): Promise<UpstreamConnection> {
    const { account, password } = this.#credentials;
    if (account.upstream.kind !== 'remote') throw new UpstreamGone('no upstream');
    const upstream = await UpstreamConnection.open(account.upstream.imap);
    const answer = await upstream.logIn(account.login, password);
    if (answer.status !== 'OK') {
      upstream.destroy();
      throw new UpstreamGone('login refused');
    }
    this.#upstream = upstream;
    this.#enabledUpstream.clear();
    this.#attach(upstream);
    await this.#enableUpstream(upstream);
    if (this.#notifyUpstream !== null) await upstream.command(this.#notifyUpstream);
    return upstream;
  }

  #attach(upstream: UpstreamConnection): void {
    const relay = this;
    const { writer } = this.#session;
    upstream.attach({
      get transparent() {
        return relay.#folder !== 'none';
      },
      untagged: line => this.#untagged(line),
      forward: (octets, more) => writer.relay(octets, more),
      clientDrained: () => writer.drained(),
      closed: (error, midResponse) => this.#upstreamClosed(error, midResponse),
    });
  }

  /** What becomes of an untagged response that no command of ours asked for. */
  #untagged(line: Buffer): Disposition {
    const text = line.toString('latin1', 0, 4096);
    // Its text names hosts; the connection's end is told in our own words.
    if (/^\* BYE\b/i.test(text)) {
      const upstream = this.#upstream;
      setTimeout(() => upstream.destroy(), PARTING_MILLISECONDS).unref();
      return 'drop';
    }
    const rewritten = rewriteCapabilities(text, this.capabilities);
    if (rewritten !== null) {
      // Unasked for while a view is selected, it is no news either.
      if (!this.#inView) this.#session.writer.relay(Buffer.from(`${rewritten}\r\n`, 'latin1'));
      return 'drop';
    }
    if (/^\* (?:LIST|XLIST|LSUB) /i.test(text)) return this.#listResponse(text, line.length <= 4096);
    if (/^\* OK \[NOTIFICATIONOVERFLOW\]/i.test(text) && this.#notifyUpstream !== null) {
      this.#notifyUpstream = null;
      this.#session.notify?.stop();
      this.#session.notify = SILENCE;
    }
    if (this.#folder !== 'none') return 'forward';
    return ANSWER.test(text) || SESSION_NEWS.test(text) ? this.#pass() : 'drop';
  }

  /** Notes what the merged list must know, and says that INBOX has children when our trees are among them. */
  #listResponse(text: string, whole: boolean): Disposition {
    if (/^\* X?LIST \([^)]*\\Archive\b/i.test(text)) this.#upstreamHasArchive = true;
    const { prefix, delimiter } = this.#names;
    if (prefix === '' || !whole || !/\\HasNoChildren|\\NoInferiors/i.test(text)) return this.#pass();
    const parent = prefix.endsWith(delimiter) ? prefix.slice(0, -delimiter.length) : prefix;
    const name = / "?([^" ]+)"?$/.exec(text)?.[1];
    if (name?.toUpperCase() !== parent.toUpperCase()) return this.#pass();
    const corrected = text.replace(/\\HasNoChildren/gi, '\\HasChildren').replace(/ ?\\NoInferiors/gi, '');
    const octets = Buffer.from(`${corrected}\r\n`, 'latin1');
    if (this.#pass() === 'forward') this.#session.writer.relay(octets);
    else this.#held.add([octets], octets.length);
    return 'drop';
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
    if (this.#folder === 'none' && !midResponse) return;
    session.disconnect(
      midResponse ? null : new FatalFailure('UNAVAILABLE', 'Il server del gestore PEC ha chiuso la connessione.'),
    );
  }

  #keepUpstream(): void {
    const upstream = this.#upstream;
    if (this.#folder !== 'none' || upstream.busy) return;
    if (upstream.usable) upstream.command(['NOOP']).catch(ignoreGone);
    // Who is to be notified does not come to call.
    else if (this.#notifyUpstream !== null && !this.#closing) this.#reconnect().catch(ignoreGone);
  }
}

/** The upstream's NO, with its code. */
function refusalOf(answer: TaggedAnswer): Refusal {
  const [, code = null, text = answer.text] = /^\[([^\]]*)\] ?(.*)$/s.exec(answer.text) ?? [];
  return new Refusal(code, text);
}

const CONDSTORE_USE: Record<string, RegExp> = {
  SELECT: /\((?:CONDSTORE|QRESYNC)/i,
  EXAMINE: /\((?:CONDSTORE|QRESYNC)/i,
  STATUS: /HIGHESTMODSEQ/i,
  FETCH: /\bMODSEQ\b|CHANGEDSINCE/i,
  SEARCH: /\bMODSEQ\b/i,
  STORE: /UNCHANGEDSINCE/i,
};

/** Commands that switch CONDSTORE on by using it (RFC 7162 section 3.1). */
function enablesCondstore(command: IncomingCommand): boolean {
  const pattern = CONDSTORE_USE[command.name.replace(/^UID /, '')];
  if (pattern === undefined) return false;
  return command.segments.some(segment => segment.kind === 'text' && pattern.test(segment.octets.toString('latin1')));
}

/** Where the arguments begin in a command's first line. */
function argumentStart(command: IncomingCommand): number {
  return command.tag.length + 1 + command.name.length;
}

/** A lost upstream is reported where it is noticed, by `closed`. */
function ignoreGone(error: unknown): void {
  if (!(error instanceof UpstreamGone)) throw error;
}
