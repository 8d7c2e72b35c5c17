import type { Config, Upstream } from '../../config/schema.ts';
import { passwordVariable, readSecret } from '../../config/secret.ts';
import type { AccountStore, Store } from '../types.ts';
import { checkPassword } from './password.ts';
import type { Account, AccountDirectory } from './types.ts';

/** What an account's store keeps about it under the setting `account`, for accounts that only a domain names. */
interface Remembered {
  readonly login: string;
  /** Key of `upstreams`. */
  readonly upstream: string;
}

/** @param upstreams by their names in the configuration, presets applied */
export function createAccountDirectory(
  config: Config,
  store: Store,
  upstreams: ReadonlyMap<string, Upstream>,
): AccountDirectory {
  return new Directory(config, store, upstreams);
}

class Directory implements AccountDirectory {
  readonly #config: Config;
  readonly #store: Store;
  readonly #upstreams: ReadonlyMap<string, Upstream>;
  /** Keys in lower case: addresses and provider logins of the configured accounts. */
  readonly #byLogin = new Map<string, Account>();
  readonly #passwordFiles = new Map<string, string | undefined>();
  /** Accounts found on disk, or made since the start, that the configuration does not list. */
  readonly #remembered = new Map<string, Account>();

  constructor(config: Config, store: Store, upstreams: ReadonlyMap<string, Upstream>) {
    this.#config = config;
    this.#store = store;
    this.#upstreams = upstreams;
    for (const entry of config.accounts) {
      const upstream = upstreams.get(entry.upstream);
      if (upstream === undefined) throw new Error(`accounts: no upstream is called "${entry.upstream}"`);
      const address = entry.address.toLowerCase();
      const account = {
        address,
        login: entry.login ?? address,
        upstream,
        plan: entry.plan ?? config.defaultPlan ?? null,
      };
      this.#byLogin.set(address, account);
      this.#passwordFiles.set(address, entry.passwordFile);
    }
    // An address wins over somebody else's login that reads the same.
    for (const account of [...this.#byLogin.values()]) {
      const login = account.login.toLowerCase();
      if (!this.#byLogin.has(login)) this.#byLogin.set(login, account);
    }
  }

  resolve(login: string): Account | null {
    const name = login.trim().toLowerCase();
    return this.#byLogin.get(name) ?? this.#byDomain(name) ?? this.#remembered.get(name) ?? null;
  }

  async all(): Promise<readonly Account[]> {
    for (const address of await this.#store.addresses()) {
      if (this.#remembered.has(address) || this.#byLogin.get(address)?.address === address) continue;
      const remembered = await (await this.#store.account(address)).setting<Remembered>('account');
      if (remembered === null) continue;
      // The configuration in force wins over what was true at the first login.
      const upstream = this.#byDomain(address)?.upstream ?? this.#upstreams.get(remembered.upstream);
      if (upstream === undefined) continue;
      this.#remembered.set(address, {
        address,
        login: remembered.login,
        upstream,
        plan: this.#config.defaultPlan ?? null,
      });
    }
    const accounts = new Map<string, Account>(this.#remembered);
    for (const account of this.#byLogin.values()) accounts.set(account.address, account);
    return [...accounts.values()];
  }

  async store(account: Account): Promise<AccountStore> {
    const opened = await this.#store.account(account.address, { create: true });
    if (!this.#byLogin.has(account.address) && !this.#remembered.has(account.address)) {
      const name = [...this.#upstreams].find(([, upstream]) => upstream === account.upstream)?.[0];
      if (name !== undefined) {
        const remembered: Remembered = { login: account.login, upstream: name };
        await opened.setSetting('account', remembered);
        this.#remembered.set(account.address, account);
      }
    }
    return opened;
  }

  async checkLocalPassword(account: Account, password: string): Promise<boolean> {
    if (account.upstream.kind !== 'local' || password === '') return false;
    const file = this.#passwordFiles.get(account.address);
    const stored = await readSecret({ file, env: passwordVariable(account.address) });
    if (stored === null || stored === '') return false;
    return checkPassword(stored, password);
  }

  #byDomain(address: string): Account | null {
    const at = address.lastIndexOf('@');
    // An address becomes the name of a directory: only what a mailbox is called in practice (RFC 5321 dot-string).
    if (at < 1 || !/^[^\s/\\@\0-\x1f"(),:;<>[\]\x7f]+$/.test(address.slice(0, at)) || address.length > 254) return null;
    const name = this.#config.domains[address.slice(at + 1)];
    const upstream = name === undefined ? undefined : this.#upstreams.get(name);
    if (upstream === undefined || upstream.kind === 'local') return null;
    return { address, login: address, upstream, plan: this.#config.defaultPlan ?? null };
  }
}
