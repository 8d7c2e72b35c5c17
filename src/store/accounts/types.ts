import type { Upstream } from '../../config/schema.ts';
import type { AccountStore } from '../types.ts';

/** One mailbox as a login names it. */
export interface Account {
  /** Lower case; the account's identity. */
  readonly address: string;
  /** User name that the upstream wants. */
  readonly login: string;
  readonly upstream: Upstream;
  readonly plan: string | null;
}

/** Who may log in, from the configuration's `accounts` and `domains` and from the accounts already on disk. */
export interface AccountDirectory {
  /** By address or by provider login, case-insensitively; null when nobody goes by that name. */
  resolve(login: string): Account | null;
  /** Every account that is configured or on disk. */
  all(): Promise<readonly Account[]>;
  /** The account's store, made at its first good login. */
  store(account: Account): Promise<AccountStore>;
  /** Password check of an account whose upstream is `local`. Constant time. */
  checkLocalPassword(account: Account, password: string): Promise<boolean>;
}

/** Passwords of the last good login, sealed with AES-256-GCM under the master key, bound to their address. */
export interface Vault {
  /** Keeps the password of a good login; listeners of `onRemembered` are told once it is on disk. */
  remember(address: string, password: string): Promise<void>;
  /** null when none is known. */
  recall(address: string): Promise<string | null>;
  forget(address: string): Promise<void>;
  /** Told after each `remember`, also of a password that was known already. Returns the way to stop listening. */
  onRemembered(listener: (address: string) => void): () => void;
}

/** What the upstream says to a login: `unavailable` is every answer that says nothing about the password. */
export type LoginOutcome = 'accepted' | 'refused' | 'unavailable';

/**
 * Keeps a client that retries an old password from locking the mailbox at its provider. Passwords are held as keyed
 * digests only.
 */
export interface LoginGuard {
  /** True while this very password was refused upstream a short time ago: answer locally. */
  isRefused(address: string, password: string): boolean;
  refused(address: string, password: string): void;
  /** Forgets that this very password was refused, and tells listeners. What else was refused stays refused. */
  accepted(address: string, password: string): void;
  /**
   * Runs `login`, or answers for it. A password refused a short time ago is refused without it. A password accepted a
   * short time ago goes through at once, any number in parallel. Any other is tried alone: who comes with the same one
   * meanwhile waits for that answer, and who comes with another one waits for the turn. Records the outcome.
   * Rejects as `login` does; a rejection counts as `unavailable` for those who wait.
   */
  attempt(address: string, password: string, login: () => Promise<LoginOutcome>): Promise<LoginOutcome>;
  onAccepted(listener: (address: string) => void): () => void;
}
