import type { LoadedConfig } from '../../config/load.ts';
import type { Keyring } from '../../store/crypto/keyring.ts';
import type { Damage } from '../../store/maintenance/damage.ts';
import type { Verification } from '../../store/maintenance/verify.ts';
import { defineCommand, FAULT, GOOD, present, withConfig, withJson } from '../command.ts';

export const verify = defineCommand({
  command: 'verify [address]',
  describe: 'read everything that is stored again and name what is damaged',
  options: yargs =>
    withJson(withConfig(yargs))
      .positional('address', { type: 'string' })
      .option('resume', { type: 'boolean', default: false, describe: 'go on where the last run was interrupted' }),
  run: async ({ address, config, json, resume }, io) => {
    const [{ withPremises }, { chooseAccounts, dataKeyOf }, { verifyAccount }] = await Promise.all([
      import('../installation.ts'),
      import('../accounts-on-disk.ts'),
      import('../../store/maintenance/verify.ts'),
    ]);
    return withPremises(config, async ({ loaded, keyring }) => {
      const results: Verification[] = [];
      for (const account of await chooseAccounts(loaded, address)) {
        const dataKey = await dataKeyOf(keyring, account);
        if (typeof dataKey === 'string') {
          results.push(locked(account.address, dataKey));
          continue;
        }
        const progress = (octets: number): void => io.err(`${account.address}: ${octets} octets\n`);
        const result = await verifyAccount({ ...account, dataKey, resume, progress });
        results.push(mayBeOpened(result) ? await withPreservation(result, loaded, keyring) : result);
      }
      const good = results.every(({ damageCount }) => damageCount === 0);
      present(io, json, { good, accounts: results }, () => results.flatMap(describe));
      return good ? GOOD : FAULT;
    });
  },
});

/** Damage of single octets or rows: opening the store, which mends what a crash leaves, would change nothing of it. */
const HARMLESS: ReadonlySet<Damage['kind']> = new Set(['flipped', 'swapped', 'message', 'evidence', 'row', 'counter']);

function mayBeOpened({ damageCount, damaged }: Verification): boolean {
  return damageCount === damaged.length && damaged.every(({ kind }) => HARMLESS.has(kind));
}

/** Do the packages and the journal prove what they should? */
async function withPreservation(result: Verification, loaded: LoadedConfig, keyring: Keyring): Promise<Verification> {
  const [{ openStore }, { ConservationPool, verifyEvidence, verifyJournal }] = await Promise.all([
    import('../../store/index.ts'),
    import('../../conservation/index.ts'),
  ]);
  const store = await openStore(loaded.config.dataDir, { keyring, readAttachments: false });
  const pool = new ConservationPool([]);
  try {
    const account = await store.account(result.address);
    const reports = [await verifyEvidence(account, { pool }), await verifyJournal(account, pool)];
    const damaged = reports.flatMap(({ faults }) =>
      faults.map(({ subject, file, reason }) => ({ kind: 'evidence' as const, where: `${subject}/${file}`, reason })),
    );
    return {
      ...result,
      damageCount: result.damageCount + damaged.length,
      damaged: [...result.damaged, ...damaged],
    };
  } catch (error) {
    if (result.damageCount === 0) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    const unchecked: Damage = { kind: 'evidence', where: 'evidence', reason: `could not be checked: ${reason}` };
    return { ...result, damageCount: result.damageCount + 1, damaged: [...result.damaged, unchecked] };
  } finally {
    await pool.close();
    await store.close();
  }
}

function locked(address: string, reason: string): Verification {
  const damaged: readonly Damage[] = [{ kind: 'account', where: 'account.key', reason }];
  return { address, messages: 0, octets: 0, damageCount: 1, damaged };
}

function describe({ address, messages, octets, damageCount, damaged }: Verification): string[] {
  return [
    `${address}: ${messages} messages, ${octets} octets, ${damageCount} faults`,
    ...damaged.map(
      ({ kind, where, reason, message }) => `  ${kind}: ${where}${message ? ` (${message})` : ''}: ${reason}`,
    ),
    ...(damageCount > damaged.length ? [`  and ${damageCount - damaged.length} more`] : []),
  ];
}
