import { setTimeout as delay } from 'node:timers/promises';
import type { Arguments, OperationName, Result } from '../shard/operations.ts';
import { StoreError } from '../types.ts';

/** What freeing space may take, and how much it must be worth. */
export interface CompactOptions {
  /** How long a message must have been in no folder; 7 days when absent. Milliseconds. */
  readonly graceMs?: number;
  /** Octets that a segment must waste; 1 MiB when absent. */
  readonly leastBytes?: number;
}

type Call = <Name extends OperationName>(name: Name, ...parameters: Arguments<Name>) => Promise<Result<Name>>;

const GRACE_MS = 7 * 86_400_000;
const LEAST_BYTES = 1024 * 1024;
/** Between two steps, in which others are served. */
const PAUSE_MS = 20;

/**
 * Removes what no folder holds any more and gives its space back to the disk, and makes the index quicker to search, in
 * short steps. Interrupting it is harmless; the next run goes on.
 */
export async function compact(
  call: Call,
  { graceMs = GRACE_MS, leastBytes = LEAST_BYTES }: CompactOptions,
  onDamage: (segment: number, error: unknown) => void,
): Promise<{ readonly freedBytes: number }> {
  const before = Date.now() - graceMs;
  while ((await call('purgeOrphans', before)) > 0) await delay(PAUSE_MS);
  let marks = await call('markPieces', null);
  for (; !marks.done; await delay(PAUSE_MS)) marks = await call('markPieces', marks);
  for (let done = false; !done; await delay(PAUSE_MS)) {
    marks = await call('sweepPieces', marks);
    done = marks.done;
  }
  let freedBytes = 0;
  for (const segment of await call('wastefulSegments', leastBytes)) {
    try {
      freedBytes += await compactSegment(call, segment);
    } catch (error) {
      if (!(error instanceof StoreError && error.code === 'CORRUPTION')) throw error;
      // What is damaged stays where it is, for verify to name and for who may mend it.
      onDamage(segment, error);
    }
  }
  while (await call('mergeIndex')) await delay(PAUSE_MS);
  return { freedBytes };
}

async function compactSegment(call: Call, segment: number): Promise<number> {
  let moved = 0;
  for (let piece: number | null = 0; piece !== null; await delay(PAUSE_MS)) {
    const step: { readonly piece: number | null; readonly bytes: number } = await call('moveNext', segment, piece);
    moved += step.bytes;
    piece = step.piece;
  }
  return (await call('stripSegment', segment)) - moved;
}
