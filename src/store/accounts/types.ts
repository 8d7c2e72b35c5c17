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
  remember(address: string, password: string): Promise<void>;
  /** null when none is known. */
  recall(address: string): Promise<string | null>;
  forget(address: string): Promise<void>;
}

/**
 * Keeps a client that retries an old password from locking the mailbox at its provider. Passwords are held as keyed
 * digests only.
 */
export interface LoginGuard {
  /** True while this very password was refused upstream a short time ago: answer locally. */
  isRefused(address: string, password: string): boolean;
  refused(address: string, password: string): void;
  /** Forgets what was refused for this account and tells listeners (the archiver starts again). */
  accepted(address: string, password: string): void;
}
