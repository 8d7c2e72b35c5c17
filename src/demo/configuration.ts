import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { type LoadedConfig, loadConfig } from '../config/load.ts';

/** The demo's one mailbox. */
export const MAILBOX = { name: 'Studio Rossi', address: 'studio.rossi@pec.gestore-uno.example', password: 'archivia' };

const HOST = '127.0.0.1';

/** The mailbox at the "provider": plain folders in a store of its own, without trees. */
export async function mailboxConfig(directory: string): Promise<LoadedConfig> {
  const passwordFile = 'casella.password';
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, passwordFile), `${MAILBOX.password}\n`, { mode: 0o600 });
  return write(directory, 'casella.yaml', {
    dataDir: 'casella',
    imap: { listen: [{ host: HOST, port: 0, tls: 'none' }] },
    upstreams: { casella: { local: true } },
    accounts: [{ address: MAILBOX.address, upstream: 'casella', passwordFile }],
    archive: { enabled: false },
  });
}

/** The proxy in front of it, as anybody would configure it; evaluation keys. */
export async function proxyConfig(directory: string, port: number, mailboxPort: number): Promise<LoadedConfig> {
  return write(directory, 'archivia.yaml', {
    dataDir: 'archivia',
    imap: { listen: [{ host: HOST, port, tls: 'none' }] },
    upstreams: { casella: { imap: { host: HOST, port: mailboxPort, tls: 'none' }, sentFolder: 'Inviata' } },
    accounts: [{ address: MAILBOX.address, upstream: 'casella' }],
    conservation: {
      holder: { type: 'legal', name: MAILBOX.name, id: 'VATIT-01234567890' },
      gestoriCaFile: 'autorita/root.pem',
    },
  });
}

async function write(directory: string, name: string, content: object): Promise<LoadedConfig> {
  const file = join(directory, name);
  await writeFile(file, stringify(content));
  return loadConfig(file);
}
