import { readFile } from 'node:fs/promises';

/** Where a secret may come from. The file wins; the environment stands in where no file is named. */
export interface SecretSource {
  readonly file?: string | undefined;
  /** Name of the environment variable, e.g. ARCHIVIA_SIGNER_PASSWORD. */
  readonly env?: string;
}

/** The secret without its final line break, or null when it is given nowhere. Rejects when a named file is unreadable. */
export async function readSecret(source: SecretSource): Promise<string | null> {
  if (source.file !== undefined) return (await readFile(source.file, 'utf8')).replace(/\r?\n$/, '');
  if (source.env === undefined) return null;
  const value = process.env[source.env];
  return value === undefined || value === '' ? null : value;
}

/** ARCHIVIA_PASSWORD_MARIO_ROSSI_PEC_EXAMPLE_IT: the environment's name for a local mailbox's password. */
export function passwordVariable(address: string): string {
  return `ARCHIVIA_PASSWORD_${address.toUpperCase().replace(/[^A-Z0-9]/g, '_')}`;
}
