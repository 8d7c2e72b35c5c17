import { stat } from 'node:fs/promises';
import type { LoadedConfig } from '../config/load.ts';
import { upstreamTls } from '../store/accounts/upstream-tls.ts';
import { readGreeting } from './greeting.ts';
import { withInstallation } from './installation.ts';

/** One thing that `doctor` looked at. */
export interface Finding {
  readonly part: string;
  readonly ok: boolean;
  readonly detail: string;
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

async function checkAccount(account: import('../store/types.ts').AccountStore): Promise<Finding> {
  const part = `account ${account.address}`;
  try {
    const [archive] = await account.status([{ tree: 'archive' }]);
    const failing = (await account.queued(1_000)).filter(message => message.attempts > 0);
    const detail = `${archive?.messages ?? 0} messages archived, ${failing.length} failing conservation`;
    return { part, ok: failing.length === 0, detail };
  } catch (error) {
    return { part, ok: false, detail: error instanceof Error ? error.message : String(error) };
  }
}
