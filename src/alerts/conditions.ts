/** What is looked at from time to time, since nothing tells of it: the clock, the archiver, the queue, exchanges. */
import type { ArchiverState } from '../archiver/state.ts';
import type { Config } from '../config/schema.ts';
import type { Account } from '../store/accounts/types.ts';
import type { AccountStore } from '../store/types.ts';
import type { InboxServices } from './inbox.ts';
import { clip } from './notice.ts';
import type { Notices } from './notices.ts';
import { unreadCertified } from './unread.ts';

const HOUR = 60 * 60_000;
/** A summary that could not be made for so long is left out, minutes. */
const SUMMARY_PATIENCE = 180;
/** Of what was sent before, it is too late to speak. */
const UNDELIVERED_SINCE = 7 * 24 * HOUR;
const MAX_UNDELIVERED = 100;
const MAX_RECIPIENTS = 20;

/** Setting of the account's store. */
const STATE = 'alerts.conditions';

type Condition = 'password-refused' | 'archiver-silent' | 'conservation-late';
interface State {
  /** Last day of the summary, `YYYY-MM-DD`. */
  readonly day?: string;
  /** Notices of what is without a receipt now. */
  readonly undelivered?: readonly string[];
  readonly conditions: Partial<Record<Condition, { readonly holds: boolean; readonly times: number }>>;
}

export interface ConditionsOptions extends InboxServices {
  readonly config: Config['alerts'];
  /** Null: the archiver does not know the account. */
  readonly archiverState: (address: string) => ArchiverState | null;
  readonly startedAt: number;
}

/** One look at one account. */
export async function lookAt(
  account: Account,
  store: AccountStore,
  notices: Notices,
  options: ConditionsOptions,
  now = Date.now(),
): Promise<void> {
  await lookAtArchiver(account, store, notices, options, now);
  await lookAtConservation(store, notices, options, now);
  await lookAtExchanges(store, notices, now);
  await lookAtClock(account, store, notices, options, now);
}

async function lookAtArchiver(
  { address }: Account,
  store: AccountStore,
  notices: Notices,
  { config, archiverState, startedAt }: ConditionsOptions,
  now: number,
): Promise<void> {
  const state = archiverState(address);
  if (state === null || state.status === 'off' || state.status === 'no-password') return;
  const refused = state.status === 'refused';
  // Neither connecting nor waiting says that the password is good again.
  if (refused || state.status === 'connected') {
    await enter(store, 'password-refused', refused, id =>
      notices.add(id, { kind: 'password-refused', at: state.since }),
    );
  }
  const silent = !refused && (state.lastRoundAt ?? startedAt) < now - config.silentHours * HOUR;
  if (silent || state.lastRoundAt !== null) {
    await enter(store, 'archiver-silent', silent, id =>
      notices.add(id, { kind: 'archiver-silent', at: state.lastRoundAt }),
    );
  }
}

async function lookAtConservation(
  store: AccountStore,
  notices: Notices,
  { config }: ConditionsOptions,
  now: number,
): Promise<void> {
  const [oldest] = await store.queued(1);
  const at = oldest?.queuedAt ?? now;
  await enter(store, 'conservation-late', at < now - config.conservationHours * HOUR, id =>
    notices.add(id, { kind: 'conservation-late', at }),
  );
}

/** Sent messages without a receipt of delivery after 24 hours. What has failed has its own avviso in the INBOX. */
async function lookAtExchanges(store: AccountStore, notices: Notices, now: number): Promise<void> {
  const view = { tree: 'watch', special: 'undelivered' } as const;
  const { uids } = await store.open(view, { readOnly: true });
  const recent = [...uids].slice(-MAX_UNDELIVERED);
  const before = (await read(store)).undelivered ?? [];
  const undelivered: string[] = [];
  for (const { message } of await store.fetch(view, recent, { columns: [], sections: [], markSeen: false })) {
    const exchange = await store.exchange(message);
    if (exchange === null || exchange.state === 'failed' || exchange.state === 'delivered') continue;
    const { sha256, filedAt, structure } = await store.record(message);
    if (filedAt < now - UNDELIVERED_SINCE) continue;
    const id = `undelivered:${sha256.slice(0, 20)}`;
    undelivered.push(id);
    if (before.includes(id)) continue;
    const recipients = exchange.recipients
      .filter(({ state }) => state === 'waiting' || state === 'delayed')
      .map(({ address }) => clip(address))
      .slice(0, MAX_RECIPIENTS);
    await notices.add(id, { kind: 'undelivered', recipients, subject: clip(structure.subject), at: filedAt });
  }
  if (undelivered.join() === before.join()) return;
  await store.setSetting<State>(STATE, { ...(await read(store)), undelivered });
}

async function lookAtClock(
  account: Account,
  store: AccountStore,
  notices: Notices,
  options: ConditionsOptions,
  now: number,
): Promise<void> {
  const time = options.config.accounts[account.address]?.dailyAt;
  if (time === undefined) return;
  const here = Temporal.Instant.fromEpochMilliseconds(now).toZonedDateTimeISO('Europe/Rome');
  const day = here.toPlainDate().toString();
  const { minutes } = here.toPlainTime().since(Temporal.PlainTime.from(time), { largestUnit: 'minute' });
  const state = await read(store);
  if (minutes < 0 || state.day === day) return;
  if (minutes < SUMMARY_PATIENCE) {
    const unread = await unreadCertified(account, options);
    if (unread.count > 0) await notices.add(`unread:${day}`, unread);
  }
  await store.setSetting<State>(STATE, { ...(await read(store)), day });
}

/** Tells once when a condition begins to hold, and again only after it has ceased. */
async function enter(
  store: AccountStore,
  condition: Condition,
  holds: boolean,
  tell: (id: string) => Promise<void>,
): Promise<void> {
  const before = (await read(store)).conditions[condition] ?? { holds: false, times: 0 };
  if (before.holds === holds) return;
  const times = holds ? before.times + 1 : before.times;
  if (holds) await tell(`${condition}:${times}`);
  const state = await read(store);
  const conditions = { ...state.conditions, [condition]: { holds, times } };
  await store.setSetting<State>(STATE, { ...state, conditions });
}

async function read(store: AccountStore): Promise<State> {
  return (await store.setting<State>(STATE)) ?? { conditions: {} };
}
