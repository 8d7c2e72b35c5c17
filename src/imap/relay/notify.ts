import { NOTIFICATIONS_OVERFLOWN } from '../commands/notify.ts';
import type { EventGroup, NotifyRequest } from '../notify/index.ts';
import type { ResponseSink } from './splitter.ts';
import { type CommandPart, quotedOrLiteral } from './upstream.ts';

/**
 * The part of a NOTIFY that is about the upstream's folders (RFC 5465). What names views stays here; where nothing is
 * left, the upstream is to be as silent as the client asked.
 * @param owns whether a name, as the client wrote it, is one of ours
 */
export function upstreamNotify(request: NotifyRequest, owns: (octets: string) => boolean): CommandPart[] {
  const groups = request.groups.flatMap(group => groupParts(group, owns));
  if (groups.length === 0) return ['NOTIFY NONE'];
  return [`NOTIFY SET${request.status ? ' STATUS' : ''}`, ...groups];
}

function groupParts({ filter, written }: EventGroup, owns: (octets: string) => boolean): CommandPart[] {
  if (!('names' in filter)) return [` (${filter.kind.toUpperCase()} ${written})`];
  const names = filter.names.filter(name => !owns(name));
  if (names.length === 0) return [];
  // Names go on as the client wrote them, in the encoding that both sides have agreed on.
  const listed = names.flatMap((name, index) => [
    ...(index === 0 ? [] : [' ']),
    ...quotedOrLiteral(Buffer.from(name, 'latin1').toString('utf8')),
  ]);
  return [` (${filter.kind.toUpperCase()} (`, ...listed, `) ${written})`];
}

/** Octets of notifications that may wait for a command of ours to end. */
const MAXIMUM_HELD = 256 * 1024;
const CRLF = Buffer.from('\r\n');

/** What the upstream tells while a command of ours is answering: it waits, whole, for the end of that answer. */
export class HeldResponses {
  #responses: Buffer[] = [];
  #size = 0;
  #closed = false;
  readonly #overflown: () => void;

  /** @param overflown told once when more has come than is kept: it is forgotten, and nothing more is taken */
  constructor(overflown: () => void) {
    this.#overflown = overflown;
  }

  /** Takes one response. */
  sink(): ResponseSink {
    const pieces: Buffer[] = [];
    let size = 0;
    const take = (octets: Buffer) => {
      size += octets.length;
      if (this.#size + size <= MAXIMUM_HELD) pieces.push(octets);
    };
    return {
      line: text => {
        take(text);
        take(CRLF);
      },
      data: octets => {
        take(octets);
        return undefined;
      },
      end: () => {
        this.add(pieces, size);
        return undefined;
      },
    };
  }

  /** Everything that waited, in order. */
  take(): Buffer[] {
    const responses = this.#responses;
    this.#responses = [];
    this.#size = 0;
    return responses;
  }

  /** Notifications have been asked for anew. */
  reopen(): void {
    this.#closed = false;
  }

  add(pieces: readonly Buffer[], size: number): void {
    if (this.#closed) return;
    if (this.#size + size > MAXIMUM_HELD) {
      this.#closed = true;
      this.#responses = [Buffer.from(`${NOTIFICATIONS_OVERFLOWN}\r\n`)];
      this.#overflown();
      return;
    }
    this.#responses.push(Buffer.concat(pieces));
    this.#size += size;
  }
}
