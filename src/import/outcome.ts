/** What an import has done so far. */
export interface Imported {
  /** Of files: octets read, and all there are. Of upstream folders: messages. */
  done: number;
  total: number;
  /** Messages met. */
  messages: number;
  /** New in the archive; in a dry run: that would be. */
  imported: number;
  /** In the archive before, by their SHA-256, or met twice. */
  known: number;
  /** Outside the dates asked for, or empty. */
  leftOut: number;
  /** Messages that could not be imported; all counted, the first ones named. */
  failed: number;
  readonly failures: { readonly place: string; readonly reason: string }[];
}

const MAX_NAMED = 1000;

export function newImport(total: number): Imported {
  return { done: 0, total, messages: 0, imported: 0, known: 0, leftOut: 0, failed: 0, failures: [] };
}

export function addFailure(outcome: Imported, place: string, error: unknown): void {
  outcome.failed += 1;
  if (outcome.failures.length >= MAX_NAMED) return;
  outcome.failures.push({ place, reason: error instanceof Error ? error.message : String(error) });
}
