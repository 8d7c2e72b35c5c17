import type { Filing, HeldMessage, Spool, View } from '../../store/types.ts';
import { AppendArguments } from '../append/arguments.ts';
import { receiveParts } from '../append/catenate.ts';
import { FatalFailure, Refusal, SyntaxFailure } from '../errors.ts';
import { viewNamed } from '../mailbox.ts';
import { refuseBeyondPlan } from '../quota/index.ts';
import type { Session } from '../session.ts';
import { formatSet } from '../sets.ts';
import { storeOf } from '../state.ts';
import type { Completion, StreamingCommand } from './types.ts';

/** Messages of one command: each is remembered until all are there. */
const MAXIMUM_MESSAGES = 10_000;

/**
 * RFC 3501 section 6.3.11, several messages at once by RFC 3502, put together from parts by RFC 4469, with the
 * APPENDUID of RFC 4315. What can be refused is refused before a message is invited; messages go from the wire to the
 * store's spool, and only as fast as that takes them. Several are there all at once, or not at all.
 */
export const append: StreamingCommand = {
  name: 'APPEND',
  state: 'authenticated',
  mayExpunge: true,
  async stream(session, command) {
    const input = await AppendArguments.read(session, command);
    try {
      return await run(session, input);
    } catch (error) {
      if (!(error instanceof FatalFailure)) await input.refuse();
      throw error;
    }
  },
};

async function run(session: Session, input: AppendArguments): Promise<Completion> {
  const store = storeOf(session);
  const held: HeldMessage[] = [];
  const intake = new Intake(session, input);
  for (;;) {
    const { view, spool, filing } = await intake.next();
    try {
      if (!input.more && held.length === 0) {
        const filed = await store.file(view, spool, filing);
        return completed(session, filed.uidValidity, [filed.uid]);
      }
      held.push(await store.hold(view, spool, filing));
    } catch (error) {
      await spool.discard().catch(() => {});
      throw error;
    }
    if (held.length >= MAXIMUM_MESSAGES) throw new Refusal('LIMIT', 'Troppi messaggi in un solo comando.');
    if (input.more) continue;
    const filed = await store.fileHeld(view, held);
    return completed(
      session,
      filed[0]?.uidValidity ?? 0,
      filed.map(({ uid }) => uid),
    );
  }
}

function completed(session: Session, uidValidity: number, uids: readonly number[]): Completion {
  session.selected?.mayHaveGrown();
  return { code: `APPENDUID ${uidValidity} ${formatSet(uids)}`, text: 'Append completed.' };
}

/** Takes the command's messages one by one. */
class Intake {
  readonly #session: Session;
  readonly #input: AppendArguments;
  #view: View | null = null;
  #octets = 0;

  constructor(session: Session, input: AppendArguments) {
    this.#session = session;
    this.#input = input;
  }

  /** The next message in a spool of its own. What is refused is refused before it is invited. */
  async next(): Promise<{ view: View; spool: Spool; filing: Filing }> {
    const input = this.#input;
    const { flags, internalDate, utf8, catenate } = input.message();
    const literal = catenate ? null : input.announced();
    if (utf8 && literal?.binary !== true) throw new SyntaxFailure('Expected literal8');
    this.#view ??= viewNamed(this.#session, input.mailbox);
    const view = this.#view;
    if (literal?.size === 0) throw new Refusal('CANNOT', 'Un messaggio vuoto non si può salvare.');
    this.#checkSize(literal?.size ?? 0);
    await refuseMissingMailbox(this.#session, view);
    await refuseBeyondPlan(this.#session, view, this.#octets + (literal?.size ?? 0));
    const spool = await storeOf(this.#session).spool();
    try {
      if (catenate) await receiveParts(this.#session, input, spool, size => this.#checkSize(size));
      else await input.receive(piece => spool.write(piece));
      if (utf8) input.close();
      if (catenate) await refuseBeyondPlan(this.#session, view, this.#octets + spool.size);
    } catch (error) {
      await spool.discard().catch(() => {});
      throw error;
    }
    this.#octets += spool.size;
    return { view, spool, filing: { flags, internalDate, origin: { direction: 'unknown', source: 'imap-append' } } };
  }

  #checkSize(size: number): void {
    if (size <= this.#session.services.config.limits.messageBytes) return;
    throw new Refusal('TOOBIG', 'Il messaggio supera la dimensione massima consentita.');
  }
}

/** Our trees are always there; a client offers to make a local mailbox when it hears TRYCREATE. */
async function refuseMissingMailbox(session: Session, view: View): Promise<void> {
  if (view.tree !== 'local') return;
  const listings = await storeOf(session).listViews();
  const exists = listings.some(
    listing => listing.selectable && listing.view.tree === 'local' && listing.view.name === view.name,
  );
  if (!exists) throw new Refusal('TRYCREATE', 'La cartella non esiste.');
}
