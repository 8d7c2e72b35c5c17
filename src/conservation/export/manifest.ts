/** manifesto.json: what an export holds. */
import { z } from 'zod';

export const MANIFEST_FILE = 'manifesto.json';
export const README_FILE = 'LEGGIMI.txt';
export const PACKAGES_DIRECTORY = 'pacchetti/';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

export const manifestSchema = z.object({
  version: z.literal(1),
  account: z.string(),
  packages: z.array(
    z.object({
      id: z.string().regex(/^[A-Za-z0-9-]{1,100}$/),
      /** Name in the ZIP. */
      file: z.string(),
      size: z.int().nonnegative(),
      sha256,
      /** Milliseconds since the epoch. */
      sealedAt: z.number(),
      /** SHA-256 of each message, in the order of the package. */
      messages: z.array(sha256),
    }),
  ),
});
export type ExportManifest = z.infer<typeof manifestSchema>;

export function readmeText({ account, packages }: ExportManifest): string {
  const messages = packages.reduce((sum, one) => sum + one.messages.length, 0);
  return [
    'ESPORTAZIONE DI QUANTO È STATO CONSERVATO',
    '',
    `Casella:    ${account}`,
    `Pacchetti:  ${packages.length}`,
    `Messaggi:   ${messages}`,
    '',
    `Nella cartella ${PACKAGES_DIRECTORY} c'è uno ZIP per ogni pacchetto di archiviazione: un pacchetto di distribuzione di tutti i`,
    'suoi messaggi, con tutte le prove. Ciascuno si verifica da solo, senza Archivia: il file VERIFICA.txt dice come, la',
    'pagina indice.html mostra i messaggi.',
    '',
    `${MANIFEST_FILE} elenca i pacchetti e i messaggi con le loro impronte SHA-256. Un'altra installazione di Archivia li`,
    'riprende con "archivia conservation import".',
    '',
  ].join('\r\n');
}
