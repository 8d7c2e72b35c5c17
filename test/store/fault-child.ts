/** Files messages in one thread, saying each acknowledgement on stdout, and goes on after a failure as the server does. */
import { writeSync } from 'node:fs';
import { deriveAccountKeys } from '../../src/store/crypto/account-keys.ts';
import type { AccountContext } from '../../src/store/database/context.ts';
import { fileBatch } from '../../src/store/ingest/commit.ts';
import { prepare } from '../../src/store/ingest/prepare.ts';
import { encodePrepared } from '../../src/store/ingest/prepared.ts';
import { openAccount } from '../../src/store/shard/account.ts';
import { ADDRESS, ARCHIVE, message } from './support.ts';

const [directory = '', count = '0'] = process.argv.slice(2);
const keys = deriveAccountKeys(new Uint8Array(32).fill(7));
const say = (what: object): void => void writeSync(1, `${JSON.stringify(what)}\n`);
let context: AccountContext | null = null;

for (let index = 0; index < Number(count); index++) {
  try {
    if (context?.broken) {
      context.close();
      context = null;
    }
    context ??= openAccount(ADDRESS, directory, keys).context;
    const raw = Buffer.from(message(`m${index}`, { body: 'riga di testo '.repeat(500) }));
    const filing = { flags: [], internalDate: 0, origin: { direction: 'received', source: 'imap-append' } } as const;
    const prepared = encodePrepared(prepare(raw, true));
    const [outcome] = fileBatch(context, [{ view: ARCHIVE, filing, prepared, place: true }]);
    if (outcome && 'filed' in outcome) say({ uid: outcome.filed.uid, sha256: outcome.filed.sha256 });
    else say({ failed: outcome?.failure.code });
  } catch (error) {
    say({ failed: error instanceof Error && 'code' in error ? error.code : String(error) });
  }
}
context?.close();
