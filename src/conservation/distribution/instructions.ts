import { NO_LEGAL_VALUE } from '../agents.ts';
import type { PackageSeal } from '../evidence/seal.ts';
import { italianTime } from '../metadata/words.ts';
import { EVIDENCE_FILES } from '../types.ts';

/** Names of the files at the top of the package. */
export const INSTRUCTIONS_FILE = 'VERIFICA.txt';
export const PAGE_FILE = 'indice.html';
export const SUMS_FILE = 'SHA256SUMS';

export interface MessageFacts {
  /** Path below the package's directory. */
  readonly file: string;
  readonly sha256: string;
  readonly subject: string;
  readonly metadata: readonly string[];
  /** The gestore's signature was found good. */
  readonly signed: boolean;
  readonly proof: readonly string[];
}

export interface PackageFacts {
  readonly seal: PackageSeal;
  /** Directory inside the ZIP with its slash, or nothing. */
  readonly prefix: string;
  readonly messages: readonly MessageFacts[];
  /** Commands that prove the signed index by the stamp. */
  readonly indexProof: readonly string[];
  /** Where in PIndex.xml.p7m signature value and token lie; null without a signature time-stamp. */
  readonly signature: {
    readonly valueOffset: number;
    readonly tokenOffset: number;
    readonly tokenLength: number;
    /** Milliseconds since the epoch. */
    readonly time: number;
  } | null;
}

/**
 * How to check a package of distribution without Archivia. Lines that begin with four blanks are commands; each ends
 * with 0 in the directory of the package. Certificates are judged at the time of the stamp, since they expire.
 */
export function instructions(account: string, packages: readonly PackageFacts[]): string {
  const evaluation = packages.some(({ seal }) => seal.evaluation);
  const count = packages.reduce((sum, { messages }) => sum + messages.length, 0);
  return [
    'VERIFICA DEL PACCHETTO DI DISTRIBUZIONE',
    ...(evaluation ? ['', NO_LEGAL_VALUE.toUpperCase()] : []),
    '',
    `Casella:    ${account}`,
    `Messaggi:   ${count}`,
    '',
    'I comandi (le righe rientrate) si eseguono nella cartella in cui il pacchetto è stato estratto, con una shell. Servono',
    'openssl 3 e i programmi di base di Linux (sha256sum, od, tr, grep, cut, cmp, head, tail). Ogni comando deve finire',
    'senza errori: nella shell, "echo $?" dopo il comando dà 0.',
    '',
    '0. I file sono quelli del pacchetto.',
    '',
    `    sha256sum --quiet -c ${SUMS_FILE}`,
    '',
    ...packages.flatMap(facts => packageInstructions(facts)),
    'Chi sono il firmatario e le autorità di marcatura lo dicono i certificati nei file .pem: vanno confrontati con gli',
    'elenchi dei prestatori qualificati. I comandi provano che nulla è cambiato da allora.',
    '',
  ].join('\n');
}

function packageInstructions({ seal, prefix, messages, indexProof, signature }: PackageFacts): string[] {
  const { index, signedIndex, report, signedReport, signerChain, timestampChain } = EVIDENCE_FILES;
  const { date, time } = italianTime(seal.sealedAt);
  const at = `-attime ${Math.floor(seal.sealedAt / 1000)} -partial_chain`;
  const p = (file: string) => `${prefix}${file}`;
  const cades = (file: string, content: string) =>
    `    openssl cms -verify -cades -inform DER -in ${p(file)} -CAfile ${p(signerChain)} ${at} -out ${p(content)}.firmato && cmp ${p(content)}.firmato ${p(content)}`;
  return [
    '='.repeat(72),
    `Pacchetto di archiviazione: ${seal.packageId}`,
    `Chiuso:                     il ${date.split('-').reverse().join('/')} alle ${time}`,
    `Rapporto di versamento:     ${seal.reportId}`,
    ...(prefix === '' ? [] : [`Cartella:                   ${prefix}`]),
    '='.repeat(72),
    '',
    "1. L'indice è firmato (CAdES), e il contenuto firmato è quello leggibile.",
    '',
    cades(signedIndex, index),
    '',
    ...(signature === null
      ? []
      : [
          '2. La firma esisteva al momento della marca temporale che contiene (CAdES, livello T).',
          '',
          `    openssl asn1parse -inform DER -in ${p(signedIndex)} -strparse ${signature.valueOffset} -noout -out ${p('firma.bin')}`,
          `    tail -c +${signature.tokenOffset + 1} ${p(signedIndex)} | head -c ${signature.tokenLength} > ${p('firma.tsr')}`,
          `    openssl ts -verify -data ${p('firma.bin')} -in ${p('firma.tsr')} -token_in -CAfile ${p(timestampChain)} -attime ${Math.floor(signature.time / 1000)} -partial_chain`,
          '',
        ]),
    "3. L'indice firmato è sotto la marca temporale del pacchetto: la sua impronta porta, per i livelli dell'albero,",
    '   alla radice marcata (RFC 4998). I file "evidenza.ers" contengono lo stesso percorso in forma di EvidenceRecord.',
    '',
    ...indexProof.map(command => `    ${command}`),
    '',
    "4. Il rapporto di versamento è firmato, ed è coperto dalla firma dell'indice.",
    '',
    cades(signedReport, report),
    `    grep -q "$(sha256sum ${p(signedReport)} | cut -c1-64)" ${p(index)}`,
    '',
    ...messages.flatMap((message, number) => [
      `Messaggio ${number + 1}: ${message.subject}`,
      `File:        ${p(message.file)}`,
      '',
      "5. È quello conservato: la sua impronta è nell'indice firmato e nel rapporto.",
      '',
      `    echo "${message.sha256}  ${p(message.file)}" | sha256sum -c -`,
      `    grep -q 'SHA-256">${message.sha256}<' ${p(index)}`,
      `    grep -q ${message.sha256} ${p(report)}`,
      ...message.metadata.map(file => `    grep -q "$(sha256sum ${p(file)} | cut -c1-64)" ${p(index)}`),
      '',
      '6. Esisteva al momento della marca temporale, e la prova vale da sola, senza gli altri messaggi.',
      '',
      ...message.proof.map(command => `    ${command}`),
      '',
      ...(message.signed
        ? [
            '7. La firma del gestore sul messaggio è integra.',
            '',
            `    openssl cms -verify -inform SMIME -in ${p(message.file)} -noverify -out /dev/null`,
            '',
          ]
        : []),
    ]),
  ];
}
