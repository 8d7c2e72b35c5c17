/** What the server and a reading process say to each other. */
import type { MimeNode } from '../mime/types.ts';
import type { Allowance } from './budget.ts';
import type { Limits } from './limits.ts';
import type { Unreadable } from './types.ts';

/** A message: where it lies (a path to be preferred, since octets are copied), or its octets. */
export type Source = { readonly path: string } | { readonly bytes: Uint8Array };

/** Read the leaves of a message from the one of that index on. */
export interface Task {
  readonly source: Source;
  /** Absent: the message is scanned. */
  readonly root: MimeNode | null;
  readonly from: number;
  /** Documents of the first leaf that cost a process before, by ordinal, with the reason to be noted. */
  readonly avoid: readonly (readonly [ordinal: number, reason: string])[];
  readonly limits: Limits;
  readonly left: Allowance;
}

export type Answer =
  | { readonly kind: 'ready' }
  /** A leaf is begun. */
  | { readonly kind: 'leaf'; readonly index: number; readonly section: string }
  /** The document of that ordinal in the leaf is being read; null: none. */
  | { readonly kind: 'document'; readonly ordinal: number | null }
  | {
      readonly kind: 'text';
      readonly text: string;
      readonly unreadable: readonly Unreadable[];
      /** Whether there was something that src/mime does not read. */
      readonly taken: boolean;
      readonly left: Allowance;
    }
  | { readonly kind: 'done' }
  /** The message cannot be had. */
  | { readonly kind: 'failed'; readonly message: string };

/** Shared with the watchdog: whether work is going on, and a count that rises with every step of it. */
export const PULSE = { busy: 0, tick: 1, length: 2 } as const;

/** With which the watchdog ends a process that no longer answers; nobody else sends it. */
export const STUCK: NodeJS.Signals = process.platform === 'win32' ? 'SIGKILL' : 'SIGXCPU';

export interface WatchdogData {
  readonly pulse: SharedArrayBuffer;
  readonly residentMiB: number;
  readonly stuckMs: number;
  readonly waitMs: number;
}
