/** A notice to ordinary addresses. Recipient, sender and subject of a message at most, never its content. */
export type Notice =
  | {
      readonly kind: 'certified';
      readonly sender: string;
      readonly subject: string;
      /** Milliseconds since the epoch. */
      readonly at: number;
    }
  | {
      readonly kind: 'unread';
      readonly messages: readonly { readonly sender: string; readonly subject: string }[];
      readonly count: number;
    }
  | {
      readonly kind: 'undelivered';
      readonly recipients: readonly string[];
      readonly subject: string;
      readonly at: number;
    }
  | { readonly kind: 'password-refused'; readonly at: number }
  | { readonly kind: 'archiver-silent'; readonly at: number | null }
  | { readonly kind: 'conservation-late'; readonly at: number };

/** A notice that is on disk and waits to be sent. */
export interface QueuedNotice {
  /** The same for the same thing: it is told once. */
  readonly id: string;
  readonly notice: Notice;
  readonly queuedAt: number;
  /** Channels that have it already. */
  readonly sent: readonly Channel[];
  readonly attempts: number;
  readonly nextAt: number;
}

export type Channel = 'mail' | 'webhook';

const MAX_TEXT = 200;

/** What a sender wrote, fit for one line. */
export function clip(text: string): string {
  const line = text.replace(/[\p{Cc}\s]+/gu, ' ').trim();
  return line.length > MAX_TEXT ? `${line.slice(0, MAX_TEXT)}…` : line;
}
