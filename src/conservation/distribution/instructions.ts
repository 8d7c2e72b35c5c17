import { NO_LEGAL_VALUE } from '../agents.ts';
import type { PackageSeal } from '../evidence/seal.ts';
import { documentName } from '../metadata/document.ts';
import { italianTime } from '../metadata/words.ts';
import { EVIDENCE_FILES } from '../types.ts';

/** Name of the text inside the package. */
export const INSTRUCTIONS_FILE = 'VERIFICA.txt';

/**
 * How to check a package of distribution without Archivia. Lines that begin with four blanks are commands; each ends
 * with 0 in the directory of the package. Certificates are judged at the time of the stamp, since they expire.
 */
export function instructions(facts: {
  readonly seal: PackageSeal;
  readonly sha256: string;
  /** The gestore's signature was found good. */
  readonly signed: boolean;
}): string {
  const { seal, sha256, signed } = facts;
  const { index, signedIndex, timestamp, report, signedReport, signerChain, timestampChain } = EVIDENCE_FILES;
  const message = `messaggi/${documentName(sha256)}`;
  const { date, time } = italianTime(seal.sealedAt);
  const at = `-attime ${Math.floor(seal.sealedAt / 1000)} -partial_chain`;
  const cades = (file: string, content: string) =>
    `    openssl cms -verify -cades -inform DER -in ${file} -CAfile ${signerChain} ${at} -out ${content}.firmato && cmp ${content}.firmato ${content}`;
  return [
    'VERIFICA DEL PACCHETTO DI DISTRIBUZIONE',
    ...(seal.evaluation ? ['', NO_LEGAL_VALUE.toUpperCase()] : []),
    '',
    `Casella:                    ${seal.account}`,
    `Pacchetto di archiviazione: ${seal.packageId}, chiuso il ${date.split('-').reverse().join('/')} alle ${time}`,
    `Rapporto di versamento:     ${seal.reportId}`,
    `Messaggio:                  ${message}`,
    '',
    'I comandi si eseguono nella cartella in cui il pacchetto è stato estratto (openssl 3, sha256sum, cmp, grep).',
    '',
    "1. Il messaggio è quello conservato: la sua impronta è nell'indice firmato.",
    '',
    `    echo "${sha256}  ${message}" | sha256sum -c -`,
    `    grep -q 'SHA-256">${sha256}<' ${index}`,
    '',
    "2. L'indice è firmato, e il contenuto firmato è quello leggibile.",
    '',
    cades(signedIndex, index),
    '',
    "3. L'indice firmato esisteva al momento della marca temporale.",
    '',
    `    openssl ts -verify -data ${signedIndex} -in ${timestamp} -token_in -CAfile ${timestampChain} ${at}`,
    '',
    '4. Il rapporto di versamento è firmato, elenca il messaggio, ed è coperto dalla firma dell’indice.',
    '',
    cades(signedReport, report),
    `    grep -q ${sha256} ${report}`,
    `    grep -q "$(sha256sum ${signedReport} | cut -c1-64)" ${index}`,
    '',
    ...(signed
      ? [
          '5. La firma del gestore sul messaggio è integra.',
          '',
          `    openssl cms -verify -inform SMIME -in ${message} -noverify -out /dev/null`,
          '',
        ]
      : []),
    `Chi sono il firmatario e l'autorità di marcatura lo dicono i certificati in ${signerChain} e ${timestampChain}: vanno`,
    'confrontati con gli elenchi dei prestatori qualificati. I comandi provano che nulla è cambiato da allora.',
    '',
  ].join('\n');
}
