import type { ExportSummary } from '../../conservation/index.ts';
import { CliError, defineCommand, GOOD, present, WRONG_USE, withConfig, withJson } from '../command.ts';

const DAY = 86_400_000;
/** As the providers' contracts have it. */
const VALID_DAYS = 30;

interface Report extends ExportSummary {
  readonly account: string;
  readonly output: string | null;
  readonly link: string | null;
  readonly validUntil: string | null;
}

export const exportAll = defineCommand({
  command: 'export <address>',
  describe: 'everything that was conserved, as packages of distribution in one ZIP; without --output by a link',
  options: yargs =>
    withJson(withConfig(yargs))
      .positional('address', { type: 'string', demandOption: true })
      .option('output', { type: 'string', requiresArg: true, describe: 'the ZIP file to be made, instead of a link' })
      .option('notify', {
        type: 'boolean',
        default: false,
        describe: 'tell the link to the user, by a message in Rapporti di versamento',
      }),
  run: async ({ address, output, notify, config, json }, io) => {
    if (output !== undefined && notify) throw new CliError(WRONG_USE, '--notify is for links');
    const [{ chooseStores, withInstallation }, conservation, { stat }] = await Promise.all([
      import('../installation.ts'),
      import('../../conservation/index.ts'),
      import('node:fs/promises'),
    ]);
    const there = output !== undefined && (await stat(output).catch(() => null)) !== null;
    if (there) throw new CliError(WRONG_USE, `${output} is there already`);
    return withInstallation(config, async ({ loaded, store }) => {
      const { web, dataDir } = loaded.config;
      if (output === undefined && web === undefined) {
        throw new CliError(WRONG_USE, 'a link needs the web listener (config key web); or give --output');
      }
      const [account] = await chooseStores(store, address);
      if (account === undefined) throw new CliError(WRONG_USE, `no account ${address} is stored here`);
      const { path, workDirectory } = await conservation.exportWorkplace(dataDir, account.address);
      const pool = new conservation.ConservationPool([]);
      try {
        const tell = (packageId: string): void => io.err(`${packageId}\n`);
        const summary = await conservation.writeExport(pool, account, { path: output ?? path, workDirectory }, tell);
        let report: Report = {
          account: account.address,
          ...summary,
          output: output ?? null,
          link: null,
          validUntil: null,
        };
        if (output === undefined) {
          const expires = Date.now() + VALID_DAYS * DAY;
          const note = { account: account.address, expires, size: summary.size, sha256: summary.sha256 };
          const name = `conservati-${account.address.replace(/[^a-z0-9.-]/g, '_')}.zip`;
          const token = await conservation.publishExport(dataDir, path, { ...note, name });
          const base = web?.publicUrl ?? `https://localhost:${web?.listen.port ?? 443}`;
          const link = `${base.replace(/\/+$/, '')}/esportazioni/${token}`;
          report = { ...report, link, validUntil: new Date(expires).toISOString() };
          if (notify) await conservation.noticeExport(account, link, expires, summary.messages);
        }
        present(io, json, report, () => lines(report));
        return GOOD;
      } finally {
        await pool.close();
      }
    });
  },
});

function lines({ account, packages, messages, size, sha256, output, link, validUntil }: Report): string[] {
  return [
    `${account}: ${messages} messages in ${packages} packages, ${size} octets`,
    `SHA-256 ${sha256}`,
    ...(output === null ? [] : [output]),
    ...(link === null ? [] : [link, `valid until ${validUntil}; whoever has the link can fetch it`]),
  ];
}
