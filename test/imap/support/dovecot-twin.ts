/** The same messages, with the same dates, in an account of the engine and in a real Dovecot. */
import { formatInternalDate } from '../../../src/imap/internal-date.ts';
import { Dovecot } from '../../mime/dovecot.ts';
import type { Client, Engine } from './engine.ts';

export interface TwinMessage {
  readonly raw: string;
  /** INTERNALDATE, milliseconds, whole seconds. */
  readonly internalDate: number;
}

export interface Twins {
  readonly client: Client;
  /** Untagged responses of one command by either side, tags in them made equal. */
  both(command: string): Promise<{ ours: string[]; dovecots: string[] }>;
  close(): Promise<void>;
}

export async function startTwins(engine: Engine, messages: readonly TwinMessage[]): Promise<Twins> {
  const account = await engine.account();
  const client = await account.login();
  const dovecot = await Dovecot.start([]);
  // Filed side by side they would be numbered as they happen to be prepared.
  for (const { raw, internalDate } of messages) {
    await account.deliver('INBOX', Buffer.from(raw, 'latin1'), [], internalDate);
    const literal = `{${raw.length}+}\r\n${raw}`;
    await dovecot.command(Buffer.from(`APPEND INBOX "${formatInternalDate(internalDate)}" ${literal}`, 'latin1'));
  }
  await client.ok('SELECT INBOX');
  return {
    client,
    both: async command => ({
      ours: (await client.data(command)).map(oneTag),
      dovecots: (await dovecot.command(command))
        .toString('latin1')
        .split('\r\n')
        .filter(line => line !== '' && !/^\* \d+ (EXISTS|RECENT)$/.test(line))
        .map(oneTag),
    }),
    close: () => dovecot.close(),
  };
}

function oneTag(line: string): string {
  return line.replace(/\(TAG "[^"]*"\)/, '(TAG "x")');
}
