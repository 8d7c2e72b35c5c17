/** indice.html: what the package holds, for a person. Static, without scripts; everything that mail brings is escaped. */
import { X509Certificate } from 'node:crypto';
import type { MessageRecord } from '../../store/types.ts';
import { NO_LEGAL_VALUE } from '../agents.ts';
import type { Inspection } from '../evidence/inspection.ts';
import type { PackageSeal } from '../evidence/seal.ts';
import { escapeText } from '../markup.ts';
import { italianTime, kindInWords, signatureInWords, subjectOf } from '../metadata/words.ts';
import type { MessageCheck } from '../types.ts';
import { INSTRUCTIONS_FILE, SUMS_FILE } from './instructions.ts';

export interface PageMessage {
  readonly record: MessageRecord;
  readonly check: MessageCheck | null;
  /** Path of the message, and of the files taken out of it. */
  readonly file: string;
  readonly attachments: readonly { readonly name: string; readonly file: string; readonly size: number }[];
  /** Why there are none, when there should be. */
  readonly note: string | null;
  readonly certificates: readonly Uint8Array[];
  readonly certificateFile: string | null;
}

export interface PagePackage {
  readonly seal: PackageSeal;
  readonly inspection: Inspection;
  readonly messages: readonly PageMessage[];
  readonly signer: readonly Uint8Array[];
}

const STYLE = `
:root{color-scheme:light}
body{font:16px/1.5 system-ui,sans-serif;color:#1c2430;background:#f5f6f8;margin:0}
main{max-width:58rem;margin:0 auto;padding:1.5rem 1rem 4rem}
h1{font-size:1.6rem;margin:.2rem 0 1rem}h2{font-size:1.2rem;margin:0 0 .6rem;overflow-wrap:anywhere}h3{font-size:1rem;margin:1.2rem 0 .3rem}
section{background:#fff;border:1px solid #d8dde5;border-radius:.5rem;padding:1rem 1.2rem;margin:1rem 0}
table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.3rem .6rem .3rem 0;border-top:1px solid #e6e9ee}
th{font-weight:600;width:14rem}td{overflow-wrap:anywhere}
code{font:.85rem ui-monospace,monospace;overflow-wrap:anywhere}
.warn{background:#fff4d6;border-color:#e0b23e}.good{color:#11692f}.bad{color:#a31515;font-weight:600}.soft{color:#566173}
@media print{body{background:#fff}section{break-inside:avoid}}
@media (max-width:40rem){th{width:auto;display:block;border:0}td{display:block;border:0;padding-left:0}}
`;

export function page(account: string, packages: readonly PagePackage[]): string {
  const evaluation = packages.some(({ seal }) => seal.evaluation);
  const count = packages.reduce((sum, { messages }) => sum + messages.length, 0);
  return [
    '<!DOCTYPE html>\n<html lang="it"><head><meta charset="utf-8">',
    '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; style-src \'unsafe-inline\'">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>Pacchetto di distribuzione - ${t(account)}</title><style>${STYLE}</style></head><body><main>\n`,
    '<h1>Pacchetto di distribuzione</h1>\n',
    evaluation
      ? `<section class="warn"><strong>${t(NO_LEGAL_VALUE)}.</strong> Firma e marca temporale sono di prova.</section>\n`
      : '',
    `<p>Casella <strong>${t(account)}</strong>, ${count === 1 ? 'un messaggio' : `${count} messaggi`}. `,
    `Come ripetere ogni verifica senza Archivia è scritto in ${link(INSTRUCTIONS_FILE)}; `,
    `le impronte di tutti i file sono in ${link(SUMS_FILE)}.</p>\n`,
    ...packages.map(packageSection),
    '</main></body></html>\n',
  ].join('');
}

function packageSection({ seal, inspection, messages, signer }: PagePackage): string {
  const { findings, stamps, signatureStamp } = inspection;
  return [
    ...messages.map(messageSection),
    '<section><h2>Conservazione</h2>',
    table([
      ['Pacchetto di archiviazione', code(seal.packageId)],
      ['Rapporto di versamento', code(seal.reportId)],
      ['Chiuso', t(inWords(seal.sealedAt))],
      ['Messaggi nel pacchetto', String(seal.messages.length)],
    ]),
    '<h3>Esito delle verifiche, alla creazione di questo file</h3>',
    table(
      together(findings).map(({ file, check, fault }) => [
        fault === null ? '<span class="good">&#10003; sì</span>' : '<span class="bad">&#10007; NO</span>',
        `${t(check)}${fault === null ? '' : ` (${t(fault)})`}<br><span class="soft">${t(file)}</span>`,
      ]),
    ),
    '<h3>Marche temporali</h3>',
    table([
      ...(signatureStamp === null ? [] : [['Sulla firma', stampText(signatureStamp)] satisfies [string, string]]),
      ...stamps.map((stamp, index): [string, string] => [
        index === 0 ? 'Sul pacchetto' : `Rinnovo ${index}`,
        stampText(stamp),
      ]),
    ]),
    '<h3>Firmatario del pacchetto</h3>',
    certificates(signer),
    '</section>\n',
  ].join('');
}

/** Findings of the same check stand in one row, when all are good. */
function together(findings: Inspection['findings']): Inspection['findings'] {
  const rows: { file: string; check: string; fault: string | null }[] = [];
  for (const finding of findings) {
    const row = rows.find(({ check, fault }) => check === finding.check && fault === null && finding.fault === null);
    if (row === undefined) rows.push({ ...finding });
    else row.file += `, ${finding.file}`;
  }
  return rows;
}

function messageSection(message: PageMessage): string {
  const { record, check, attachments } = message;
  const { structure, pec } = record;
  const rows: [string, string][] = [
    ['Tipo', t(kindInWords(pec, record.category))],
    ['Da', t(structure.from.map(address).join(', ') || pec.daticert?.mittente || '')],
    ['A', t(structure.to.map(address).join(', '))],
    ...(structure.cc.length > 0 ? [['Cc', t(structure.cc.map(address).join(', '))] satisfies [string, string]] : []),
    [pec.daticert?.at == null ? 'Data' : 'Data certificata', t(inWords(record.filedAt))],
    ...(pec.daticert === null
      ? []
      : ([
          ['Gestore', t(pec.daticert.gestoreEmittente)],
          ['Identificativo', code(pec.daticert.identificativo)],
          ...(pec.daticert.msgid === null ? [] : [['Messaggio originale', code(pec.daticert.msgid)]]),
        ] as [string, string][])),
    ['File', `${link(message.file)} <span class="soft">(${size(record.size)})</span>`],
    ['Impronta SHA-256', code(record.sha256)],
  ];
  const outcome = check === null ? '' : signatureOutcome(check);
  return [
    `<section><h2>${t(subjectOf(record) || '(senza oggetto)')}</h2>`,
    table(rows),
    '<h3>Allegati</h3>',
    attachments.length === 0
      ? `<p class="soft">${t(message.note ?? 'Nessuno.')}</p>`
      : table(
          attachments.map(({ name, file, size: bytes }) => [
            t(name),
            `${link(file)} <span class="soft">(${size(bytes)})</span>`,
          ]),
        ),
    '<h3>Firma del gestore, verificata alla conservazione</h3>',
    outcome,
    message.certificates.length === 0 ? '' : certificates(message.certificates),
    message.certificateFile === null ? '' : `<p>Certificati: ${link(message.certificateFile)}</p>`,
    '</section>\n',
  ].join('');
}

function signatureOutcome({ signature }: MessageCheck): string {
  const good = signature.status === 'valid' || signature.status === 'valid-with-remarks';
  const kind = good ? 'good' : signature.status === 'broken' ? 'bad' : 'soft';
  const reasons = signature.reasons.map(reason => `<br>${t(reason)}`).join('');
  return `<p><span class="${kind}">${t(signatureInWords(signature.status))}</span>${reasons}</p>`;
}

function certificates(ders: readonly Uint8Array[]): string {
  return table(
    ders.map((der): [string, string] => {
      try {
        const { subject, issuer, serialNumber, validFromDate, validToDate, fingerprint256 } = new X509Certificate(der);
        // Parts of a name stand one a line, or joined when they make one step of it.
        const name = /(?:^|\n| \+ )CN=(.*?)(?: \+ |\n|$)/.exec(subject)?.[1] ?? subject;
        return [
          t(name),
          `Emesso da ${t(issuer.split('\n').join(', '))}<br>Valido dal ${t(inWords(validFromDate.getTime()))} al ${t(inWords(validToDate.getTime()))}<br>` +
            `<span class="soft">Numero di serie</span> ${code(serialNumber)}<br><span class="soft">SHA-256</span> ${code(fingerprint256.replaceAll(':', '').toLowerCase())}`,
        ];
      } catch {
        return ['Certificato', 'non leggibile'];
      }
    }),
  );
}

function stampText(stamp: Inspection['stamps'][number]): string {
  const digest = stamp.digest.replace('sha', 'SHA-');
  return `${t(inWords(stamp.time))} (${digest}), ${t(stamp.authority)}, certificato valido fino al ${t(inWords(stamp.expires))}`;
}

function table(rows: readonly (readonly [head: string, cell: string])[]): string {
  return `<table>${rows.map(([head, cell]) => `<tr><th scope="row">${head}</th><td>${cell}</td></tr>`).join('')}</table>`;
}

function address({ name, address: mail }: { readonly name: string; readonly address: string }): string {
  return name === '' ? mail : `${name} <${mail}>`;
}

function link(path: string): string {
  const target = path.split('/').map(encodeURIComponent).join('/');
  return `<a href="${t(target)}">${t(path.slice(path.lastIndexOf('/') + 1))}</a>`;
}

function code(text: string): string {
  return `<code>${t(text)}</code>`;
}

/** Text, fit for attributes too. */
function t(text: string): string {
  return escapeText(text).replaceAll('"', '&quot;').replaceAll("'", '&#39;');
}

function inWords(milliseconds: number): string {
  const { date, time } = italianTime(milliseconds);
  return `${date.split('-').reverse().join('/')} ${time}`;
}

function size(bytes: number): string {
  if (bytes < 1000) return `${bytes} byte`;
  return bytes < 1_000_000 ? `${Math.round(bytes / 1000)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}
