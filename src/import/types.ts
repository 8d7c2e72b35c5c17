import type { Flag } from '../store/types.ts';

/** A message that lies outside, on its way in. */
export interface Incoming {
  /** Where it lies, for people: `posta.mbox at 1234`, `atti.zip: 3/atto.eml`. */
  readonly place: string;
  readonly flags: readonly Flag[];
  /** When it was delivered, as far as the place tells; what the message itself tells comes first. */
  readonly date: number | null;
  /** Read once, in order, before the next message is asked for. */
  readonly content: AsyncIterable<Buffer>;
}

/** A file or a directory with messages. */
export interface Source {
  readonly path: string;
  /** Of everything that will be read, for the progress. */
  readonly octets: number;
  /** @param read told of octets as they are read */
  messages(read: (octets: number) => void): AsyncGenerator<Incoming>;
}

/** How the bytes of a file become those of the message; see `convert.ts` and `mbox.ts`. */
export interface Reading {
  /** `mboxrd`: one `>` was put before each `>*From `; `mboxo`: before `From ` alone; `none`: nothing was quoted. */
  readonly quoting: 'mboxrd' | 'mboxo' | 'none';
  /** Line ends are left as they are. */
  readonly keepLineEnds: boolean;
}
