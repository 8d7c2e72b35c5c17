/** Octets of a room: what one fetch call of the store gives inline. A FETCH has three. */
const ROOM = 3 * 1024 * 1024;
/** Rooms kept for the next FETCH. */
const KEPT = 6;

const free: SharedArrayBuffer[] = [];

/**
 * Memory that a store thread puts the sections of a run of messages into, run after run: a FETCH of a gigabyte makes
 * no garbage. Whoever takes a room gives it back when nothing reads it any more, or drops it.
 */
export function takeRoom(): SharedArrayBuffer {
  return free.pop() ?? new SharedArrayBuffer(ROOM);
}

export function giveBack(room: SharedArrayBuffer): void {
  if (free.length < KEPT) free.push(room);
}
