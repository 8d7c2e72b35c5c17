import type { FetchItems } from '../fetch/items.ts';

/** What a client wants to hear of the mailbox that is selected. */
export interface SelectedEvents {
  /** New messages and expunges. */
  readonly messages: boolean;
  readonly flags: boolean;
  /** Told of each new message besides its number. */
  readonly fetch: FetchItems | null;
}

/** What NOTIFY has asked for (RFC 5465). */
export interface Notifications {
  readonly selected: SelectedEvents;
  stop(): void;
}

/** Without NOTIFY a client hears of everything, when a command lets it. */
export const EVERYTHING: SelectedEvents = { messages: true, flags: true, fetch: null };
/** After NOTIFY NONE, or where no group is about the selected mailbox. */
export const NOTHING: SelectedEvents = { messages: false, flags: false, fetch: null };

/** NOTIFY NONE. */
export const SILENCE: Notifications = { selected: NOTHING, stop: () => {} };
