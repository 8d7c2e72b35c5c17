import type { AccountStore, View } from '../../store/types.ts';
import { CliError, defineCommand, GOOD, present, WRONG_USE, withConfig, withJson } from '../command.ts';

const CONSERVED: View = { tree: 'conservation' };
const UIDS_PER_FETCH = 500;
/** More messages than this belong into an export. */
const MAX_MESSAGES = 10_000;

interface Wanted {
  readonly message: readonly string[];
  readonly search: string | undefined;
  readonly exchange: boolean;
}

export const dip = defineCommand({
  command: 'dip',
  describe: 'write a package of distribution (ZIP) of conserved messages',
  options: yargs =>
    withJson(withConfig(yargs))
      .option('account', { type: 'string', demandOption: true, requiresArg: true, describe: 'address of the mailbox' })
      .option('message', {
        type: 'string',
        array: true,
        default: [] as string[],
        describe: 'SHA-256, Message-ID, or UID in Conservazione; more than one may be given',
      })
      .option('search', { type: 'string', requiresArg: true, describe: 'all conserved messages that hold this text' })
      .option('exchange', {
        type: 'boolean',
        default: false,
        describe: 'with every other message of the same exchange',
      })
      .option('output', { type: 'string', demandOption: true, requiresArg: true, describe: 'the ZIP file to be made' }),
  run: async ({ account: address, message, search, exchange, output, config, json }, io) => {
    if (message.length === 0 && search === undefined) throw new CliError(WRONG_USE, 'dip needs --message or --search');
    const [{ chooseStores, withInstallation }, { createDistributionPackage }, { createWriteStream }, { rm }] =
      await Promise.all([
        import('../installation.ts'),
        import('../../conservation/index.ts'),
        import('node:fs'),
        import('node:fs/promises'),
      ]);
    return withInstallation(config, async ({ store }) => {
      const [account] = await chooseStores(store, address);
      if (account === undefined) throw new CliError(WRONG_USE, `no account ${address} is stored here`);
      const messages = await choose(account, { message, search, exchange });
      const file = createWriteStream(output, { mode: 0o600, flags: 'wx' });
      const refused = new Promise<never>((_, reject) => file.once('error', reject));
      refused.catch(() => {});
      let opened = false;
      file.once('open', () => {
        opened = true;
      });
      try {
        await Promise.race([createDistributionPackage(account, messages, file), refused]);
      } catch (error) {
        file.destroy();
        // Half a package is none; what was there before is not ours to remove.
        if (opened) await rm(output, { force: true });
        throw error;
      }
      present(io, json, { account: account.address, messages: messages.length, output }, () => [
        `${output}: ${messages.length} ${messages.length === 1 ? 'message' : 'messages'}`,
      ]);
      return GOOD;
    });
  },
});

/** Handles of the conserved messages that were asked for, each once, in the order of Conservazione. */
async function choose(account: AccountStore, wanted: Wanted): Promise<string[]> {
  const { uids } = await account.open(CONSERVED, { readOnly: true });
  const found = new Set<string>();
  const wantedUids = new Set<number>();
  if (wanted.search !== undefined) {
    for (const uid of await account.search(CONSERVED, { op: 'text', needle: wanted.search })) wantedUids.add(uid);
  }
  const missing: string[] = [];
  for (const id of wanted.message) {
    if (/^[0-9a-f]{64}$/i.test(id)) {
      const message = await account.findBySha256(id);
      if (message === null) missing.push(id);
      else found.add(message);
    } else if (/^\d+$/.test(id)) {
      if (uids.includes(Number(id))) wantedUids.add(Number(id));
      else missing.push(id);
    } else {
      const hits = await account.search(CONSERVED, { op: 'header', field: 'Message-ID', needle: id });
      if (hits.length === 0) missing.push(id);
      for (const uid of hits) wantedUids.add(uid);
    }
  }
  if (missing.length > 0) throw new CliError(WRONG_USE, `no conserved message ${missing.join(', ')}`);
  const rows = await readRows(account, uids);
  for (const { uid, message } of rows) if (wantedUids.has(uid)) found.add(message);
  // Reports and packages of distribution stand in the same tree, and are not conserved themselves.
  const own = rows.filter(({ message }) => found.has(message)).map(({ message }) => message);
  for (const message of own) if ((await account.record(message)).conserved === null) found.delete(message);
  if (wanted.exchange) {
    const { restOfExchange } = await import('../../conservation/index.ts');
    for (const message of [...found]) {
      for (const part of await restOfExchange(account, message)) found.add(part.message);
    }
  }
  if (found.size === 0) throw new CliError(WRONG_USE, 'no conserved message was found');
  if (found.size > MAX_MESSAGES) throw new CliError(WRONG_USE, `${found.size} messages are too many for one package`);
  const inOrder = rows.map(({ message }) => message).filter(message => found.has(message));
  return [...new Set([...inOrder, ...found])];
}

async function readRows(account: AccountStore, uids: Uint32Array) {
  const rows: { readonly uid: number; readonly message: string }[] = [];
  for (let start = 0; start < uids.length; start += UIDS_PER_FETCH) {
    const run = [...uids.subarray(start, start + UIDS_PER_FETCH)];
    const request = { columns: [], sections: [], markSeen: false } as const;
    rows.push(...(await account.fetch(CONSERVED, run, request)));
  }
  return rows;
}
