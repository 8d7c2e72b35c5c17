import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import { type AccountStore, type Filed, type HeldMessage, StoreError } from '../store/types.ts';

/** Keyword of a sent message of which nobody knows whether the provider took it. */
const UNCONFIRMED = '$InvioIncerto';

/** Setting of the account's store. */
const SENDINGS = 'submission.sendings';
/** After so long no receipt will come any more, and the mark stays, milliseconds. */
const REMEMBERED_FOR = 30 * 24 * 60 * 60_000;

/**
 * A message that is being handed to the upstream. `underway`: the answer to its final dot is not known to disk.
 * `accepted`: the upstream took it, and filing it failed. `unconfirmed`: it lies in the archive, marked.
 */
interface Sending {
  readonly id: string;
  readonly state: 'underway' | 'accepted' | 'unconfirmed';
  readonly held: HeldMessage;
  readonly messageId: string | null;
  readonly at: number;
  readonly filed?: Filed;
}

type OnArchived = (account: AccountStore, filed: Filed) => Promise<void>;

/**
 * What is on its way to the upstream, on disk: between the upstream's 250 and our filing lies a crash's chance to lose
 * the archive's copy. A message is held in the store and written down here before its final dot; what a crash leaves
 * is filed at the next start with the keyword $InvioIncerto, which goes as soon as a receipt of the gestore or the
 * client's copy in its sent folder shows that it was taken.
 */
export class Sendings {
  readonly #logger: Logger;
  readonly #onArchived: OnArchived;
  /** Settings are read and written whole: one after the other for each account. */
  readonly #turns = new Map<string, Promise<unknown>>();
  /** Addresses that have an unconfirmed message: the others need no look at the disk. */
  readonly #unconfirmed = new Set<string>();

  constructor(logger: Logger, onArchived: OnArchived = async () => {}) {
    this.#logger = logger;
    this.#onArchived = onArchived;
  }

  /** Before the final dot. @returns what names this sending from now on */
  async begin(account: AccountStore, held: HeldMessage): Promise<string> {
    const { structure } = await account.record(held.message);
    const id = randomUUID();
    const sending: Sending = { id, state: 'underway', held, messageId: structure.messageId, at: Date.now() };
    await this.#change(account, async all => [...all, sending]);
    return id;
  }

  /** The upstream has taken it. Never rejects: whatever fails must not make the client send it again. */
  async accepted(account: AccountStore, id: string): Promise<void> {
    try {
      await this.#change(account, async all => {
        const sending = all.find(other => other.id === id);
        if (sending === undefined) return all;
        try {
          await this.#file(account, sending);
          // The same octets were sent before, to an unknown end: what is true of one is true of the other.
          const same = all.filter(
            other => other.state === 'unconfirmed' && other.held.message === sending.held.message,
          );
          for (const other of same) await unmark(account, other);
          return all.filter(other => other !== sending && !same.includes(other));
        } catch (error) {
          this.#log(
            account,
            error,
            'a message was sent but could not be archived: it is tried again at the next start',
          );
          return all.map(other => (other === sending ? { ...sending, state: 'accepted' } : other));
        }
      });
    } catch (error) {
      this.#log(account, error, 'what became of a sent message could not be written down');
    }
  }

  /** The upstream has refused it, or never got it whole. */
  async refused(account: AccountStore, id: string): Promise<void> {
    await this.#change(account, async all => all.filter(other => other.id !== id)).catch(error =>
      this.#log(account, error, 'what became of a refused message could not be written down'),
    );
  }

  /** The connection went before the answer came. */
  async unanswered(account: AccountStore, id: string): Promise<void> {
    await this.#change(account, async all =>
      this.#confirm(account, await this.#settle(account, all, sending => sending.id === id)),
    ).catch(error => this.#log(account, error, 'a message of unknown end could not be archived'));
  }

  /** At the start: finishes what a crash interrupted. */
  async repair(account: AccountStore): Promise<void> {
    await this.#change(account, async all => {
      const recent = all.filter(({ state, at }) => state !== 'unconfirmed' || at > Date.now() - REMEMBERED_FOR);
      for (const sending of recent) if (sending.state === 'accepted') await this.#file(account, sending);
      const left = recent.filter(({ state }) => state !== 'accepted');
      // A receipt may have come meanwhile.
      return this.#confirm(account, await this.#settle(account, left, ({ state }) => state === 'underway'));
    });
  }

  /** Told of each message that the archiver files: a receipt or the client's own copy says that the upstream took it. */
  async witness(account: AccountStore, filed: Filed): Promise<void> {
    if (!this.#unconfirmed.has(account.address)) return;
    const { category, structure } = await account.record(filed.message);
    const copyOf = category === 'Inviati' ? structure.messageId : null;
    const isCopy = ({ held, messageId }: Sending) =>
      held.message === filed.message || (copyOf !== null && copyOf === messageId);
    await this.#change(account, all => this.#confirm(account, all, isCopy));
  }

  /** Takes the mark from what is known to have been sent, and hands it on. */
  async #confirm(
    account: AccountStore,
    all: readonly Sending[],
    isKnown: (sending: Sending) => boolean = () => false,
  ): Promise<readonly Sending[]> {
    const left: Sending[] = [];
    for (const sending of all) {
      if (sending.state !== 'unconfirmed' || !(isKnown(sending) || (await hasReceipt(account, sending)))) {
        left.push(sending);
        continue;
      }
      await unmark(account, sending);
      if (sending.filed !== undefined) await this.#onArchived(account, sending.filed);
    }
    return left;
  }

  async #file(account: AccountStore, { held }: Sending): Promise<void> {
    const filed = await this.#place(account, held);
    if (filed !== null) await this.#onArchived(account, filed);
  }

  /** Null when the store has lost what it held: nothing can be done, and others must not wait for it. */
  async #place(account: AccountStore, held: HeldMessage): Promise<Filed | null> {
    try {
      const [filed] = await account.fileHeld({ tree: 'archive' }, [held]);
      return filed ?? null;
    } catch (error) {
      if (!(error instanceof StoreError) || error.code !== 'NONEXISTENT') throw error;
      this.#log(account, error, 'the copy of a message that was being sent is gone');
      return null;
    }
  }

  /** Files the chosen ones with the mark. Conservation waits until they are known to have been sent. */
  async #settle(
    account: AccountStore,
    all: readonly Sending[],
    isChosen: (sending: Sending) => boolean,
  ): Promise<readonly Sending[]> {
    const left = all.filter(sending => !isChosen(sending));
    for (const sending of all.filter(isChosen)) {
      const { held } = sending;
      const filing = { ...held.filing, flags: [...held.filing.flags, UNCONFIRMED] };
      const filed = await this.#place(account, { ...held, filing });
      if (filed === null || left.some(other => other.held.message === held.message)) continue;
      if (filed.duplicate) {
        // It was filed before the crash, or the client's copy came: the upstream had taken it.
        await this.#onArchived(account, filed);
        continue;
      }
      left.push({ ...sending, state: 'unconfirmed', filed });
      this.#logger.warn({ account: account.address, message: held.message }, 'nobody knows whether a message was sent');
    }
    return left;
  }

  #change(account: AccountStore, change: (all: readonly Sending[]) => Promise<readonly Sending[]>): Promise<void> {
    const { address } = account;
    const turn = (this.#turns.get(address) ?? Promise.resolve()).then(async () => {
      const before = (await account.setting<readonly Sending[]>(SENDINGS)) ?? [];
      const after = await change(before);
      if (after.length > 0 || before.length > 0) await account.setSetting(SENDINGS, after);
      if (after.some(({ state }) => state === 'unconfirmed')) this.#unconfirmed.add(address);
      else this.#unconfirmed.delete(address);
    });
    const settled = turn
      .catch(() => {})
      .then(() => {
        if (this.#turns.get(address) === settled) this.#turns.delete(address);
      });
    this.#turns.set(address, settled);
    return turn;
  }

  #log(account: AccountStore, error: unknown, text: string): void {
    this.#logger.error({ account: account.address, err: error }, text);
  }
}

async function unmark(account: AccountStore, { filed }: Sending): Promise<void> {
  if (filed === undefined) return;
  await account.storeFlags({ tree: 'archive' }, [filed.uid], { action: 'remove', flags: [UNCONFIRMED] });
}

/** Whether a gestore has told of it; what is not signed by one that is believed says nothing. */
async function hasReceipt(account: AccountStore, { held }: Sending): Promise<boolean> {
  const exchange = await account.exchange(held.message);
  return (exchange?.receipts ?? []).some(({ counts }) => counts);
}

/** Messages in the archive with the mark, of which nobody knows whether they were sent. */
export async function unconfirmedSendings(account: AccountStore): Promise<number> {
  const all = (await account.setting<readonly Sending[]>(SENDINGS)) ?? [];
  return all.filter(({ state }) => state === 'unconfirmed').length;
}
