import type { FetchedMessage } from '../../store/types.ts';

/** Octets of a room: what one fetch call of the store gives inline. A FETCH has three. */
const ROOM = 3 * 1024 * 1024;
/** Rooms kept for the next FETCH. */
const KEPT = 6;

const free: ArrayBuffer[] = [];

/**
 * Memory that a store thread puts the sections of a run of messages into, run after run: a FETCH of a gigabyte makes
 * no garbage. It changes threads and back, since plain memory is filled in a quarter of the time that shared memory takes.
 */
export function takeRoom(): ArrayBuffer {
  return free.pop() ?? new ArrayBuffer(ROOM);
}

/** The room that came back with these messages, for the next FETCH: nothing may read them any more. */
export function giveBack(rows: readonly FetchedMessage[]): void {
  for (const { sections } of rows) {
    for (const content of sections) {
      if (content?.kind !== 'bytes') continue;
      const { buffer } = content.bytes;
      if (!(buffer instanceof ArrayBuffer) || buffer.byteLength !== ROOM) continue;
      if (free.length < KEPT) free.push(buffer);
      return;
    }
  }
}
