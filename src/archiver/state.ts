/** What one account's archiver is doing, for people, metrics and alerts. */
export interface ArchiverState {
  readonly address: string;
  /**
   * `off`: has not been started, or was stopped; `no-password`: waits for a first login; `refused`: the upstream refuses
   * the password, waits for the next good login; `connecting`, `connected`; `away`: leaves its connection to the user;
   * `interrupted`: will try again by itself.
   */
  readonly status: 'off' | 'no-password' | 'refused' | 'connecting' | 'connected' | 'away' | 'interrupted';
  /** Milliseconds since the epoch. */
  readonly since: number;
  /** When every folder was last read to its end; null: not since the start. */
  readonly lastRoundAt: number | null;
  /** Why it is interrupted. */
  readonly reason: string | null;
}

/** Setting of the account's store: when the archiver first began with it, milliseconds since the epoch. */
export const SINCE = 'archiver.since';
/** Setting of the account's store. */
export const REFUSED = 'archiver.refused';
