import { readdir } from 'node:fs/promises';

/** Where Debian and its like keep what Dovecot loads. */
const MODULES = '/usr/lib/dovecot/modules';

/** Whether Dovecot has dovecot-fts-xapian (`apt-get install dovecot-fts-xapian`). */
export async function xapianInstalled(): Promise<boolean> {
  const names = await readdir(MODULES).catch(() => []);
  return names.some(name => name.includes('fts_xapian'));
}
