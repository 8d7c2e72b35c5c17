import type { Filed, Spool, View } from '../../store/types.ts';
import { argumentsOf } from '../arguments.ts';
import type { Completion } from '../commands/types.ts';
import { Refusal } from '../errors.ts';
import { parseInternalDate } from '../internal-date.ts';
import type { Session } from '../session.ts';
import { formatSet } from '../sets.ts';
import type { IncomingCommand } from '../wire/reader.ts';
import type { ResponseSink } from './splitter.ts';
import { type UpstreamConnection, UpstreamGone } from './upstream.ts';

/** Messages on their way into the store at one time: enough for its commits to be shared, few enough to be bounded. */
const CONCURRENT = 8;

interface Arrival {
  readonly uid: number;
  readonly filed: Filed;
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
  destination: View,
): Promise<Completion> {
  const move = command.name.endsWith('MOVE');
  const set = setText(command);
  const intake = new Intake(session, destination);
  const fetch = command.name.startsWith('UID ') ? 'UID FETCH' : 'FETCH';
  const answer = await upstream.command([`${fetch} ${set} (UID FLAGS INTERNALDATE BODY.PEEK[])`], {
    capture: line => (/^\* \d+ FETCH .*BODY\[\] /is.test(line.toString('latin1')) ? intake.sink() : null),
  });
  const arrivals = await intake.finished();
  if (answer.status !== 'OK') throw new Refusal(null, refusalText(answer.text));
  if (arrivals.length === 0) return { text: 'No messages found.' };
  const code = copyUid(arrivals);
  if (!move) return { code, text: 'Copy completed.' };
  session.writer.line(`* OK [${code}] Moved UIDs.`);
  await session.writer.flush();
  await removeUpstream(upstream, formatSet(arrivals.map(arrival => arrival.uid)));
  return { text: 'Move completed.' };
}

async function removeUpstream(upstream: UpstreamConnection, uids: string): Promise<void> {
  const marked = await upstream.command([`UID STORE ${uids} +FLAGS.SILENT (\\Deleted)`]);
  const expunged = marked.status === 'OK' ? await upstream.command([`UID EXPUNGE ${uids}`]) : marked;
  if (expunged.status !== 'OK') {
    throw new Refusal(
      'CANNOT',
      'I messaggi sono stati copiati, ma il gestore non permette di toglierli da questa cartella.',
    );
  }
}

/** Takes FETCH responses apart: the message goes to a spool as it comes, the rest is read when it is complete. */
class Intake {
  readonly #session: Session;
  readonly #destination: View;
  readonly #arrivals: Arrival[] = [];
  readonly #running = new Set<Promise<void>>();
  #failure: unknown = null;

  constructor(session: Session, destination: View) {
    this.#session = session;
    this.#destination = destination;
  }

  sink(): ResponseSink {
    let attributes = '';
    let spool: Promise<Spool> | null = null;
    let inBody = false;
    return {
      line: (text, literal) => {
        const line = text.toString('latin1');
        attributes += line;
        inBody = literal !== null && /BODY\[\] ~?\{\d+\}$/i.test(line);
        if (inBody) spool = this.#store().spool();
      },
      data: octets => {
        if (!inBody || spool === null) return undefined;
        const target = spool;
        return target.then(open => open.write(octets)).catch(error => this.#failed(error));
      },
      end: () => {
        this.#take(attributes, spool ?? this.#store().spool());
        return this.#running.size < CONCURRENT ? undefined : this.#room();
      },
    };
  }

  /** Waits for every message to be stored; rejects when one could not be. Ascending by UID. */
  async finished(): Promise<Arrival[]> {
    while (this.#running.size > 0) await Promise.all(this.#running);
    if (this.#failure !== null) throw this.#failure;
    return this.#arrivals.sort((one, other) => one.uid - other.uid);
  }

  async #room(): Promise<void> {
    while (this.#running.size >= CONCURRENT) await Promise.race(this.#running);
  }

  #take(attributes: string, spool: Promise<Spool>): void {
    const work = this.#file(attributes, spool).catch(error => this.#failed(error));
    this.#running.add(work);
    void work.finally(() => this.#running.delete(work));
  }

  async #file(attributes: string, spool: Promise<Spool>): Promise<void> {
    const open = await spool;
    const uid = Number(/[( ]UID (\d+)/i.exec(attributes)?.[1]);
    if (this.#failure !== null || !Number.isInteger(uid)) {
      await open.discard();
      if (this.#failure === null) throw new Error('FETCH response without UID');
      return;
    }
    const flags = (/[( ]FLAGS \(([^)]*)\)/i.exec(attributes)?.[1] ?? '').split(' ');
    const date = /[( ]INTERNALDATE "([^"]*)"/i.exec(attributes)?.[1];
    const filed = await this.#store().file(this.#destination, open, {
      flags: flags.filter(flag => flag !== '' && !/^\\(Recent|Deleted)$/i.test(flag)),
      internalDate: (date === undefined ? null : parseInternalDate(date)) ?? undefined,
      origin: { direction: 'unknown', source: 'imap-copy' },
    });
    this.#arrivals.push({ uid, filed });
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
