import { stat } from 'node:fs/promises';
import type { LoadedConfig } from '../config/load.ts';
import { upstreamTls } from '../store/accounts/upstream-tls.ts';
import type { AccountStore, UnreadablePart } from '../store/types.ts';
import { accountState } from './account-state.ts';
import { readGreeting } from './greeting.ts';
import { withInstallation } from './installation.ts';

/** One thing that `doctor` looked at. */
export interface Finding {
  readonly part: string;
  readonly ok: boolean;
  readonly detail: string;
  /** What SEARCH does not know of an account's messages, at most LISTED parts. */
  readonly unreadable?: readonly UnreadablePart[];
}

/** Unreadable parts of one account that are listed. */
const LISTED = 1000;
/** Of these, shown to a person. */
const SHOWN = 20;

/** A finding in words, and what could not be read below it. */
export function findingLines({ part, ok, detail, unreadable = [] }: Finding): string[] {
  const parts = unreadable.slice(0, SHOWN).map(({ uid, message, subject, section, reason }) => {
    const where = section === '' ? '' : `, part ${section}`;
    return `         ${uid === null ? message : `UID ${uid}`} "${plain(subject)}"${where}: ${plain(reason)}`;
  });
  const rest = unreadable.length - parts.length;
  if (rest > 0) parts.push(`         and ${rest} more: --json lists them`);
  return [`${ok ? 'ok   ' : 'FAULT'}  ${part}: ${detail}`, ...parts];
}

/** What a sender wrote, without what would move a terminal's cursor. */
function plain(text: string): string {
  return text.replace(/\p{Cc}+/gu, ' ');
}

/** Connects to each provider's servers and reads their greeting; logs in nowhere. */
export async function checkUpstreams({ upstreams }: LoadedConfig): Promise<Finding[]> {
  const checks: Promise<Finding>[] = [];
  for (const [name, upstream] of upstreams) {
    if (upstream.kind === 'local') continue;
    for (const service of ['imap', 'smtp'] as const) {
      const remote = upstream[service];
      if (remote === null) continue;
      const check = async (): Promise<Finding> => {
        const tls = remote.tls === 'implicit' ? await upstreamTls(remote) : null;
        const { greeting, error } = await readGreeting({ host: remote.host, port: remote.port, tls });
        const where = `${remote.host}:${remote.port}`;
        return { part: `upstream ${name} ${service}`, ok: error === null, detail: `${where} ${error ?? greeting}` };
      };
      checks.push(check());
    }
  }
  return Promise.all(checks);
}

/** Opens every account's store; while a server runs on it, only says so. */
export async function checkStore(file: string, dataDir: string): Promise<Finding[]> {
  if ((await stat(dataDir).catch(() => null)) === null) {
    return [{ part: 'store', ok: true, detail: `${dataDir} does not exist yet; the first start makes it` }];
  }
  try {
    return await withInstallation(file, async ({ store }) => {
      const findings: Finding[] = [];
      for (const address of await store.addresses()) findings.push(await checkAccount(await store.account(address)));
      return findings.length > 0 ? findings : [{ part: 'store', ok: true, detail: `${dataDir} holds no account yet` }];
    });
  } catch (error) {
    return [{ part: 'store', ok: false, detail: error instanceof Error ? error.message : String(error) }];
  }
}

async function checkAccount(account: AccountStore): Promise<Finding> {
  const part = `account ${account.address}`;
  try {
    const [archive] = await account.status([{ tree: 'archive' }]);
    const failing = (await account.queued(1_000)).filter(message => message.attempts > 0);
    const unreadable = await account.unreadable(LISTED);
    const pending = await account.textPending();
    const { faults, remarks } = await accountState(account);
    const detail = [
      `${archive?.messages ?? 0} messages archived`,
      `${failing.length} failing conservation`,
      `${unreadable.length}${unreadable.length === LISTED ? ' or more' : ''} parts without searchable text`,
      ...(pending > 0 ? [`${pending} messages whose attachments are still to be read`] : []),
      ...faults,
      ...remarks,
    ].join(', ');
    return { part, ok: failing.length === 0 && faults.length === 0, detail, unreadable };
  } catch (error) {
    return { part, ok: false, detail: error instanceof Error ? error.message : String(error) };
  }
}
