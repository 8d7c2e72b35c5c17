import type { Account } from '../../store/accounts/types.ts';
import { conclude } from '../dispatch.ts';
import { Refusal } from '../errors.ts';
import type { Session } from '../session.ts';
import type { IncomingCommand } from '../wire/reader.ts';
import { type CommandPart, UpstreamConnection, UpstreamGone, type UpstreamListener } from './upstream.ts';

export const DOWN = 'Il server del gestore PEC non risponde: riprovare tra qualche minuto.';

/** A session's connection to its upstream, called anew when it was lost and is needed: what was switched on holds. */
export class UpstreamLink {
  readonly #session: Session;
  readonly #credentials: { readonly account: Account; readonly password: string };
  readonly #listener: UpstreamListener;
  /** What has been switched on upstream, by ENABLE or by the use of it. */
  readonly enabled = new Set<string>();
  /** What the upstream notifies of, to be asked again of a new connection. */
  notify: readonly CommandPart[] | null = null;
  #upstream: UpstreamConnection;

  constructor(
    session: Session,
    upstream: UpstreamConnection,
    credentials: { readonly account: Account; readonly password: string },
    listener: UpstreamListener,
  ) {
    this.#session = session;
    this.#upstream = upstream;
    this.#credentials = credentials;
    this.#listener = listener;
    upstream.attach(listener);
  }

  /** The connection as it is, usable or not. */
  get upstream(): UpstreamConnection {
    return this.#upstream;
  }

  /** The upstream, connected anew if need be. Null: the command has been answered with NO [UNAVAILABLE]. */
  async reachable(command: IncomingCommand): Promise<UpstreamConnection | null> {
    if (this.#upstream.usable) return this.#upstream;
    try {
      return await this.reconnect();
    } catch (error) {
      this.#session.logger.warn({ err: error }, 'upstream not reachable');
      await conclude(this.#session, command, false, async () => {
        await this.#session.reader.refuseLiteral(command.literal);
        throw new Refusal('UNAVAILABLE', DOWN);
      });
      return null;
    }
  }

  /** Rejects when the upstream cannot be had. */
  async reconnect(): Promise<UpstreamConnection> {
    const { account, password } = this.#credentials;
    if (account.upstream.kind !== 'remote') throw new UpstreamGone('no upstream');
    const upstream = await UpstreamConnection.open(account.upstream.imap);
    const answer = await upstream.logIn(account.login, password);
    if (answer.status !== 'OK') {
      upstream.destroy();
      throw new UpstreamGone('login refused');
    }
    this.#upstream = upstream;
    this.enabled.clear();
    upstream.attach(this.#listener);
    await this.enable(upstream);
    if (this.notify !== null) await upstream.command(this.notify);
    return upstream;
  }

  /** What the client switched on while it was in a view, or before the upstream was lost, holds upstream too. */
  async enable(upstream: UpstreamConnection): Promise<void> {
    const missing = [...this.#session.enabled].filter(
      name => !this.enabled.has(name) && upstream.capabilities.has(name) && upstream.capabilities.has('ENABLE'),
    );
    if (missing.length === 0) return;
    await upstream.idle();
    for (const name of missing) this.enabled.add(name);
    const capture = (line: Buffer) => (/^\* ENABLED\b/i.test(line.toString('latin1', 0, 16)) ? 'drop' : null);
    await upstream.command([`ENABLE ${missing.join(' ')}`], { capture }).catch(ignoreGone);
  }

  /** A lost upstream under a command of ours is the client's NO [UNAVAILABLE]. */
  async own<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      if (error instanceof UpstreamGone) throw new Refusal('UNAVAILABLE', DOWN);
      throw error;
    }
  }
}

/** A lost upstream is reported where it is noticed, by `closed`. */
export function ignoreGone(error: unknown): void {
  if (!(error instanceof UpstreamGone)) throw error;
}
