import type { Filed, HeldMessage, Spool, UpstreamFolder, View } from '../../store/types.ts';
import { argumentsOf } from '../arguments.ts';
import type { Completion } from '../commands/types.ts';
import { Refusal, SyntaxFailure } from '../errors.ts';
import { parseInternalDate } from '../internal-date.ts';
import { refuseBeyondPlan } from '../quota/index.ts';
import type { Session } from '../session.ts';
import { formatSet } from '../sets.ts';
import type { IncomingCommand } from '../wire/reader.ts';
import type { ResponseSink } from './splitter.ts';
import { type TaggedAnswer, type UpstreamConnection, UpstreamGone } from './upstream.ts';

/** Messages on their way into the store at one time: enough for its commits to be shared, few enough to be bounded. */
const CONCURRENT = 8;
/** Messages that get their places in one transaction: a COPY that fails leaves nothing (RFC 3501 section 6.4.7), unless it is larger. */
const TOGETHER = 1_000;
/** What may stand around a message in its FETCH response, octets. */
const MAXIMUM_ATTRIBUTES = 64 * 1024;

interface Arrival {
  readonly uid: number;
  readonly filed: Filed;
}

/** A message whose bytes are on disk. */
interface Held {
  readonly uid: number;
  readonly message: HeldMessage;
}

/**
 * COPY and MOVE of upstream messages into a view. Every message is on disk, flushed and compared before anything is
 * removed upstream, and only those that were copied are removed, by UID EXPUNGE: never what another client had marked
 * (RFC 4315 section 2.1). Repeating it after a break is harmless, since the store knows the bytes.
 */
export async function copyIntoView(
  session: Session,
  upstream: UpstreamConnection,
  command: IncomingCommand,
  { from, to: destination }: { readonly from: UpstreamFolder | null; readonly to: View },
): Promise<Completion> {
  const move = command.name.endsWith('MOVE');
  const set = setText(command);
  const intake = new Intake(session, destination);
  const fetch = command.name.startsWith('UID ') ? 'UID FETCH' : 'FETCH';
  let answer: TaggedAnswer;
  try {
    answer = await upstream.command([`${fetch} ${set} (UID FLAGS INTERNALDATE BODY.PEEK[])`], {
      capture: line => (/^\* \d+ FETCH .*BODY\[\] /is.test(line.toString('latin1')) ? intake.sink() : null),
    });
  } catch (error) {
    await intake.abandon();
    throw error;
  }
  const arrivals = await intake.finished();
  if (answer.status === 'BAD') throw new SyntaxFailure(refusalText(answer.text));
  if (answer.status !== 'OK') throw new Refusal(null, refusalText(answer.text));
  if (arrivals.length === 0) return { text: 'No messages found.' };
  const code = copyUid(arrivals);
  if (!move) {
    if (from !== null) await remember(session, from, arrivals);
    return { code, text: 'Copy completed.' };
  }
  session.writer.line(`* OK [${code}] Moved UIDs.`);
  await session.writer.flush();
  const modseq = await removeUpstream(upstream, formatSet(arrivals.map(arrival => arrival.uid)));
  return { code: modseq, text: 'Move completed.' };
}

/** Of what stays upstream: which message is which of ours. That this is not known does no harm. */
async function remember(session: Session, from: UpstreamFolder, arrivals: readonly Arrival[]): Promise<void> {
  const known = arrivals.map(({ uid, filed }) => ({ uid, message: filed.message }));
  await session.store
    ?.knowUpstream(from, known)
    .catch(error => session.logger.warn({ err: error }, 'what was copied is not remembered by its UID'));
}

/** @returns the HIGHESTMODSEQ that the upstream tells of it (RFC 7162 section 3.2.7) */
async function removeUpstream(upstream: UpstreamConnection, uids: string): Promise<string | undefined> {
  const marked = await upstream.command([`UID STORE ${uids} +FLAGS.SILENT (\\Deleted)`]);
  const expunged = marked.status === 'OK' ? await upstream.command([`UID EXPUNGE ${uids}`]) : marked;
  if (expunged.status !== 'OK') {
    throw new Refusal(
      'CANNOT',
      'I messaggi sono stati copiati, ma il gestore non permette di toglierli da questa cartella.',
    );
  }
  return /^\[(HIGHESTMODSEQ \d+)\]/i.exec(expunged.text)?.[1];
}

/**
 * Takes FETCH responses apart: the message goes to a spool as it comes, the rest is read when it is complete. Bytes are
 * stored several at a time; places are given in the order of arrival, so that UIDs ascend as they did upstream.
 */
class Intake {
  readonly #session: Session;
  readonly #destination: View;
  readonly #arrivals: Arrival[] = [];
  readonly #running = new Set<Promise<Held | null>>();
  #unplaced: Promise<Held | null>[] = [];
  #placing: Promise<void> = Promise.resolve();
  #failure: unknown = null;
  /** Of messages that have no place yet. */
  #heldOctets = 0;
  /** Of the message that is on its way. */
  #arriving: Promise<Spool> | null = null;

  constructor(session: Session, destination: View) {
    this.#session = session;
    this.#destination = destination;
  }

  sink(): ResponseSink {
    let attributes = '';
    let inBody = false;
    return {
      line: (text, literal) => {
        const line = text.toString('latin1');
        attributes += line;
        if (attributes.length > MAXIMUM_ATTRIBUTES) throw new UpstreamGone('FETCH response too long');
        inBody = literal !== null && /BODY\[\] ~?\{\d+\}$/i.test(line);
        if (inBody) this.#arriving ??= this.#store().spool();
      },
      data: octets => {
        if (!inBody || this.#arriving === null) return undefined;
        return this.#arriving.then(open => open.write(octets)).catch(error => this.#failed(error));
      },
      end: () => {
        const spool = this.#arriving;
        this.#arriving = null;
        if (spool !== null) this.#take(attributes, spool);
        else this.#takeQuoted(attributes);
        return this.#running.size < CONCURRENT ? undefined : this.#room();
      },
    };
  }

  /** The upstream has gone: what has come of the message on its way is of no use. */
  async abandon(): Promise<void> {
    this.#failure ??= new UpstreamGone('message incomplete');
    const arriving = this.#arriving;
    this.#arriving = null;
    await arriving?.then(open => open.discard()).catch(() => {});
    while (this.#running.size > 0) await Promise.all(this.#running);
    await this.#placing;
  }

  /** Waits for every message to be stored; rejects when one could not be. Ascending by UID. */
  async finished(): Promise<Arrival[]> {
    this.#place();
    await this.#placing;
    if (this.#failure !== null) throw this.#failure;
    return this.#arrivals.sort((one, other) => one.uid - other.uid);
  }

  async #room(): Promise<void> {
    while (this.#running.size >= CONCURRENT) await Promise.race(this.#running);
  }

  /** A short message may come as a quoted string; NIL is a message that the upstream cannot give. */
  #takeQuoted(response: string): void {
    const quoted = /BODY\[\] "((?:[^"\\]|\\.)*)"/is.exec(response);
    if (quoted === null) {
      this.#failed(new Refusal('UNAVAILABLE', 'Il server del gestore non ha consegnato uno dei messaggi: riprovare.'));
      return;
    }
    const octets = Buffer.from((quoted[1] ?? '').replaceAll(/\\(.)/gs, '$1'), 'latin1');
    const spool = this.#store()
      .spool()
      .then(async open => {
        await open.write(octets);
        return open;
      });
    this.#take(response.replace(quoted[0], 'BODY[] ""'), spool);
  }

  #take(attributes: string, spool: Promise<Spool>): void {
    const work = this.#hold(attributes, spool).catch(error => {
      this.#failed(error);
      return null;
    });
    this.#running.add(work);
    void work.finally(() => this.#running.delete(work));
    this.#unplaced.push(work);
    if (this.#unplaced.length >= TOGETHER) this.#place();
  }

  /** Places what has arrived so far, behind what is being placed. */
  #place(): void {
    const arrived = this.#unplaced;
    this.#unplaced = [];
    this.#placing = this.#placing
      .then(async () => {
        const held = (await Promise.all(arrived)).filter(each => each !== null);
        if (this.#failure !== null || held.length === 0) return;
        const filed = await this.#store().fileHeld(
          this.#destination,
          held.map(({ message }) => message),
        );
        for (const [index, { uid, message }] of held.entries()) {
          this.#heldOctets -= message.size;
          const place = filed[index];
          if (place !== undefined) this.#arrivals.push({ uid, filed: place });
        }
      })
      .catch(error => this.#failed(error));
  }

  async #hold(attributes: string, spool: Promise<Spool>): Promise<Held | null> {
    const open = await spool;
    const uid = Number(/[( ]UID (\d+)/i.exec(attributes)?.[1]);
    if (this.#failure !== null || !Number.isInteger(uid)) {
      await open.discard();
      if (this.#failure === null) throw new Error('FETCH response without UID');
      return null;
    }
    const flags = (/[( ]FLAGS \(([^)]*)\)/i.exec(attributes)?.[1] ?? '').split(' ');
    const date = /[( ]INTERNALDATE "([^"]*)"/i.exec(attributes)?.[1];
    this.#heldOctets += open.size;
    try {
      // So much at once must fit; more of it than that is not even stored.
      await refuseBeyondPlan(this.#session, this.#destination, this.#heldOctets);
    } catch (error) {
      await open.discard();
      throw error;
    }
    const message = await this.#store().hold(this.#destination, open, {
      flags: flags.filter(flag => flag !== '' && !/^\\(Recent|Deleted)$/i.test(flag)),
      internalDate: (date === undefined ? null : parseInternalDate(date)) ?? undefined,
      origin: { direction: 'unknown', source: 'imap-copy' },
    });
    return { uid, message };
  }

  #failed(error: unknown): void {
    this.#failure ??= error;
  }

  #store() {
    const { store } = this.#session;
    if (store === null) throw new UpstreamGone('session without store');
    return store;
  }
}

/** The set as the client wrote it; its grammar has been checked by the parser. */
function setText(command: IncomingCommand): string {
  const parser = argumentsOf(command);
  parser.space();
  return parser.run(/[0-9:,*$]/, 'sequence set');
}

function copyUid(arrivals: readonly Arrival[]): string {
  const validity = arrivals[0]?.filed.uidValidity ?? 0;
  const sources = arrivals.map(arrival => arrival.uid);
  const destinations = arrivals.map(arrival => arrival.filed.uid);
  return `COPYUID ${validity} ${formatSet(sources)} ${formatSet(destinations)}`;
}

/** The upstream's reason without its response code, which was about our FETCH. */
function refusalText(text: string): string {
  return text.replace(/^\[[^\]]*\] ?/, '') || 'Il server del gestore non ha consegnato i messaggi.';
}
