import type { Imported } from './outcome.ts';

export interface ImportOptions {
  /** Milliseconds since the epoch; null: no bound. `before` is the first instant that is left out. */
  readonly since: number | null;
  readonly before: number | null;
  /** Into the queue for conservation as well. */
  readonly conserve: boolean;
  /** Nothing is stored. */
  readonly dryRun: boolean;
  readonly progress: (imported: Imported) => void;
}
