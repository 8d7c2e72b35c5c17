/** A space that a plan limits, octets. */
export interface Space {
  readonly name: 'Archivio' | 'Conservazione';
  readonly used: number;
  readonly limit: number;
}

/** Thresholds in per cent; 0 below the first. */
const LEVELS = [100, 90, 70] as const;
export type Level = (typeof LEVELS)[number] | 0;

/** @param needed octets of a message that found no room: the space is full as long as it would find none */
export function levelOf({ used, limit }: Space, needed: number): Level {
  if (needed > 0 && used + needed > limit) return 100;
  return LEVELS.find(level => used * 100 >= limit * level) ?? 0;
}
