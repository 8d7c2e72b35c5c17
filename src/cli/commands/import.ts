import type { Imported } from '../../import/outcome.ts';
import type { AccountStore } from '../../store/types.ts';
import { CliError, defineCommand, FAULT, GOOD, present, WRONG_USE, withConfig, withJson } from '../command.ts';
import { parseDay } from '../day.ts';
import type { Installation } from '../installation.ts';
import { progressBar } from '../progress.ts';

interface Wanted {
  readonly paths: readonly string[];
  readonly folders: readonly string[];
  readonly quoting: 'mboxrd' | 'mboxo' | 'none';
  readonly keepLineEnds: boolean;
  readonly since: number | null;
  readonly before: number | null;
  readonly conserve: boolean;
  readonly dryRun: boolean;
}

export const importMessages = defineCommand({
  command: 'import <address> [paths..]',
  describe: 'bring in what is older: upstream folders, mbox files, Maildirs, ZIP files and folders of .eml',
  options: yargs =>
    withJson(withConfig(yargs))
      .positional('address', { type: 'string', demandOption: true })
      .positional('paths', { type: 'string', array: true, default: [] as string[] })
      .option('upstream', { type: 'boolean', default: false, describe: 'from the mailbox itself, not from files' })
      .option('folder', {
        type: 'string',
        array: true,
        default: [] as string[],
        describe: 'upstream folders; without it, all but drafts, junk and trash',
      })
      .option('since', { type: 'string', requiresArg: true, describe: 'first day, such as 2024-01-01' })
      .option('before', { type: 'string', requiresArg: true, describe: 'the day after the last' })
      .option('conserve', { type: 'boolean', default: false, describe: 'into the queue for conservation as well' })
      .option('dry-run', { type: 'boolean', default: false, describe: 'only count' })
      .option('quoting', {
        choices: ['mboxrd', 'mboxo', 'none'] as const,
        default: 'mboxrd' as const,
        describe: 'how an mbox marks lines of messages that begin with "From "',
      })
      .option('keep-line-ends', {
        type: 'boolean',
        default: false,
        describe: 'do not turn the line ends of a Unix file into those of mail (CRLF)',
      }),
  run: async ({ address, paths, upstream, folder, since, before, config, json, ...options }, io) => {
    if (upstream === paths.length > 0) throw new CliError(WRONG_USE, 'import needs either paths or --upstream');
    if (folder.length > 0 && !upstream) throw new CliError(WRONG_USE, '--folder needs --upstream');
    const wanted: Wanted = {
      paths,
      folders: folder,
      quoting: options.quoting,
      keepLineEnds: options['keep-line-ends'],
      since: parseDay('since', since),
      before: parseDay('before', before),
      conserve: options.conserve,
      dryRun: options['dry-run'],
    };
    const { withInstallation } = await import('../installation.ts');
    const bar = progressBar(io, !json && process.stderr.isTTY === true);
    const progress = ({ done, total, messages }: Imported): void => bar.show(done, total, `${messages} messages`);
    const outcome = await withInstallation(config, installation =>
      bringIn(installation, address.toLowerCase(), wanted, progress),
    ).finally(() => bar.end());
    const { messages, imported, known, leftOut, failed, failures } = outcome;
    const good = failed === 0;
    present(io, json, { good, dryRun: wanted.dryRun, messages, imported, known, leftOut, failed, failures }, () => [
      `${messages} messages: ${imported} ${wanted.dryRun ? 'would be imported' : 'imported'}, ${known} known before, ${leftOut} left out, ${failed} failed`,
      ...failures.map(({ place, reason }) => `  ${place}: ${reason}`),
    ]);
    return good ? GOOD : FAULT;
  },
});

async function bringIn(
  { loaded, store, directory }: Installation,
  address: string,
  wanted: Wanted,
  progress: (imported: Imported) => void,
): Promise<Imported> {
  const account = directory.resolve(address) ?? (await directory.all()).find(one => one.address === address) ?? null;
  if (account === null) throw new CliError(WRONG_USE, `no account ${address}`);
  if (account.upstream.kind === 'local' && wanted.paths.length === 0) {
    throw new CliError(WRONG_USE, `${address} is a local mailbox: it has no upstream`);
  }
  const accountStore: AccountStore = await directory.store(account);
  const options = { ...wanted, progress };
  if (wanted.paths.length === 0) {
    const [{ importUpstream }, { visitUpstream }, { openVault }] = await Promise.all([
      import('../../import/import-upstream.ts'),
      import('../../archiver/visit.ts'),
      import('../../store/accounts/vault.ts'),
    ]);
    const vault = await openVault(loaded.config.dataDir, loaded.config.vault, store);
    return visitUpstream(account, accountStore, vault, client =>
      importUpstream(client, { account, store: accountStore }, wanted.folders, options),
    );
  }
  const [{ importFiles }, { openSources }] = await Promise.all([
    import('../../import/import-files.ts'),
    import('../../import/sources.ts'),
  ]);
  const sources = [];
  for (const path of wanted.paths) sources.push(...(await openSources(path, wanted)));
  return importFiles(accountStore, sources, options);
}
