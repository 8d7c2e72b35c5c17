/** Waiting times between attempts to connect, milliseconds. */
export interface Backoff {
  readonly first: number;
  readonly longest: number;
}

export const RECONNECT: Backoff = { first: 1_000, longest: 5 * 60_000 };

/**
 * Doubles with each failure up to the longest; half of it is chance ("equal jitter"), so that a provider that comes
 * back is not met by every account in the same second.
 */
export function delayBefore(attempt: number, { first, longest }: Backoff, random: () => number = Math.random): number {
  const full = Math.min(longest, first * 2 ** Math.min(attempt, 30));
  return full / 2 + (full / 2) * random();
}
