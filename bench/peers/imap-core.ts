import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { end, must, start } from '../../test/support/processes.ts';

/** The package that imap-core comes in; installed for the bench alone, into a folder of its own. */
const PACKAGE = '@zone-eu/wildduck@1.51.1';

export interface Peer {
  readonly port: number;
  stop(): Promise<void>;
}

/** @param messages folder of .eml files, served as INBOX in the order of their names */
export async function startImapCore(messages: string): Promise<Peer> {
  const installed = await mkdtemp(join(tmpdir(), 'imap-core-'));
  try {
    await must('npm', ['install', '--prefix', installed, '--ignore-scripts', '--no-audit', '--no-fund', PACKAGE]);
    const child = start(process.execPath, [join(import.meta.dirname, 'imap-core-server.ts'), installed, messages]);
    const port = await new Promise<number>((resolve, reject) => {
      let said = '';
      child.stdout.on('data', (chunk: Buffer) => {
        said += chunk;
        const match = /port (\d+)/.exec(said);
        if (match !== null) resolve(Number(match[1]));
      });
      child.stderr.on('data', (chunk: Buffer) => (said += chunk));
      child.once('close', () => reject(new Error(`imap-core did not start: ${said}`)));
    });
    return {
      port,
      stop: async () => {
        await end(child, 'SIGKILL');
        await rm(installed, { recursive: true, force: true });
      },
    };
  } catch (error) {
    await rm(installed, { recursive: true, force: true });
    throw error;
  }
}
