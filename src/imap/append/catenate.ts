import { type Spool, StoreError, type View } from '../../store/types.ts';
import { Refusal } from '../errors.ts';
import type { Session } from '../session.ts';
import { namesOf, storeOf } from '../state.ts';
import type { AppendArguments } from './arguments.ts';
import { type MessageUrl, parseMessageUrl } from './url.ts';

/** Octets asked of the store at a time. */
const PIECE = 512 * 1024;
/** Parts of one message. */
const MAXIMUM_PARTS = 1_000;

/** Puts a message together from texts of the command and parts of messages of the account (RFC 4469, RFC 5550). */
export async function receiveParts(
  session: Session,
  input: AppendArguments,
  spool: Spool,
  checkSize: (size: number) => void,
): Promise<void> {
  // A part that cannot be had is told when all has been read; what is on its way would be taken for commands.
  let failure: unknown = null;
  const attempt = async (work: () => Promise<void>) => {
    if (failure !== null) return;
    try {
      await work();
    } catch (error) {
      failure = error ?? new Error('part not written');
    }
  };
  let parts = 0;
  for (let kind = input.part(true); kind !== null; kind = input.part(false)) {
    if (++parts > MAXIMUM_PARTS) throw new Refusal('LIMIT', 'Il messaggio è composto di troppe parti.');
    if (kind === 'TEXT') {
      const { size, synchronising } = input.announced();
      if (synchronising && failure !== null) throw failure;
      if (synchronising) checkSize(spool.size + size);
      await input.receive(async piece => {
        await attempt(async () => {
          checkSize(spool.size + piece.length);
          await spool.write(piece);
        });
      });
    } else {
      const url = await input.url();
      await attempt(() => copyUrl(session, url, spool, checkSize));
    }
  }
  if (failure !== null) throw failure;
  if (spool.size === 0) throw new Refusal('CANNOT', 'Un messaggio vuoto non si può salvare.');
}

async function copyUrl(session: Session, text: string, spool: Spool, checkSize: (size: number) => void): Promise<void> {
  const store = storeOf(session);
  const url = parseMessageUrl(text);
  const view = url === null ? null : viewOf(session, url);
  if (url === null || view === null) throw badUrl(text);
  try {
    const [status] = await store.status([view]);
    if (url.uidValidity !== null && status?.uidValidity !== url.uidValidity) throw badUrl(text);
    const sections = [url.section];
    const [row] = await store.fetch(view, [url.uid], { columns: [], sections, markSeen: false });
    const content = row?.sections[0];
    if (row === undefined || content === undefined || content === null) throw badUrl(text);
    if (content.kind === 'bytes') {
      checkSize(spool.size + content.bytes.length);
      await spool.write(content.bytes);
    } else if (content.kind === 'range') {
      checkSize(spool.size + content.length);
      for (let done = 0; done < content.length; done += PIECE) {
        const length = Math.min(PIECE, content.length - done);
        await spool.write(await store.read(row.message, content.start + done, length));
      }
    }
  } catch (error) {
    if (error instanceof StoreError && error.code === 'NONEXISTENT') throw badUrl(text);
    throw error;
  }
}

/** Only what lies here can be read: folders of the upstream are reached by appending there. */
function viewOf(session: Session, url: MessageUrl): View | null {
  if (url.mailbox === null) return session.selected?.view ?? null;
  return namesOf(session).view(url.mailbox);
}

function badUrl(text: string): Refusal {
  const quoted = text.replaceAll(/[^\x20-\x7e]/g, '?').replaceAll(/["\\]/g, '\\$&');
  return new Refusal(`BADURL "${quoted.slice(0, 1_000)}"`, 'Una parte del messaggio da comporre non è raggiungibile.');
}
