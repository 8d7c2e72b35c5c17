/**
 * Messages with chosen words in chosen places. The PEC ones have the layout of RFC 6109 and a real signature made by
 * the openssl program, so that nothing here shares code with what is tested.
 */
import { randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { must } from './processes.ts';
import { temporaryDirectory } from './temp.ts';

export interface PecParts {
  readonly subject: string;
  /** Text of the message that the sender wrote. */
  readonly body?: string;
  readonly attachment?: { readonly name: string; readonly content: Uint8Array };
  readonly from?: string;
  readonly to?: string;
  readonly date?: Date;
}

/** A gestore: signs what it issues. */
export interface Gestore {
  /** PEM of its authority. */
  readonly caFile: string;
  busta(parts: PecParts): Promise<Buffer>;
  accettazione(parts: PecParts): Promise<Buffer>;
  close(): Promise<void>;
}

const GESTORE = 'gestore-uno.example';

const rfc5322 = (date: Date) => date.toUTCString().replace('GMT', '+0000');
const base64 = (content: Uint8Array) =>
  Buffer.from(content)
    .toString('base64')
    .replace(/.{76}(?=.)/g, '$&\r\n');

/** A message without any certification, CRLF line ends. */
export function plainMessage(parts: PecParts & { readonly headers?: readonly string[] }): Buffer {
  const boundary = `=_${randomUUID()}`;
  const head = [
    ...(parts.headers ?? []),
    `From: ${parts.from ?? 'Giulia Verdi <giulia.verdi@pec.esempio.example>'}`,
    `To: ${parts.to ?? 'mario.rossi@pec.example.it'}`,
    `Subject: ${parts.subject}`,
    `Date: ${rfc5322(parts.date ?? new Date())}`,
    `Message-ID: <${randomUUID()}@esempio.example>`,
    'MIME-Version: 1.0',
  ];
  const text = ['Content-Type: text/plain; charset=utf-8', 'Content-Transfer-Encoding: 8bit', '', parts.body ?? 'Ciao'];
  if (parts.attachment === undefined) return Buffer.from([...head, ...text, ''].join('\r\n'));
  const attached = [
    `Content-Type: application/octet-stream; name="${parts.attachment.name}"`,
    'Content-Transfer-Encoding: base64',
    `Content-Disposition: attachment; filename="${parts.attachment.name}"`,
    '',
    base64(parts.attachment.content),
  ];
  const lines = [
    ...[...head, `Content-Type: multipart/mixed; boundary="${boundary}"`, ''],
    ...[`--${boundary}`, ...text, `--${boundary}`, ...attached, `--${boundary}--`, ''],
  ];
  return Buffer.from(lines.join('\r\n'));
}

export async function createGestore(): Promise<Gestore> {
  const temporary = await temporaryDirectory('gestore');
  const file = (name: string) => join(temporary.path, name);
  const openssl = (...args: string[]) => must('openssl', args, { cwd: temporary.path });
  const key = ['-newkey', 'rsa:2048', '-nodes', '-days', '1000'];
  await openssl('req', '-x509', ...key, '-subj', '/O=Prova/CN=Prova CA1', '-keyout', 'ca.key', '-out', 'ca.pem');
  await openssl(
    'req',
    '-new',
    ...key.slice(0, 3),
    '-subj',
    '/O=Gestore Uno',
    '-keyout',
    'leaf.key',
    '-out',
    'leaf.csr',
  );
  await writeFile(
    file('leaf.ext'),
    `subjectAltName=email:posta-certificata@${GESTORE}\nkeyUsage=digitalSignature\nextendedKeyUsage=emailProtection\n`,
  );
  await openssl(
    ...['x509', '-req', '-in', 'leaf.csr', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '900'],
    ...['-extfile', 'leaf.ext', '-out', 'leaf.pem'],
  );

  /** multipart/signed around `content`, a complete MIME entity without its final line break. */
  async function signed(head: readonly string[], content: string): Promise<Buffer> {
    const name = randomUUID();
    await writeFile(file(name), content, 'latin1');
    await openssl(
      ...['cms', '-sign', '-binary', '-md', 'sha256', '-in', name, '-signer', 'leaf.pem', '-inkey', 'leaf.key'],
      ...['-certfile', 'ca.pem', '-outform', 'DER', '-out', `${name}.p7s`],
    );
    const boundary = `=_${randomUUID()}`;
    const type = `multipart/signed; protocol="application/x-pkcs7-signature"; micalg="sha-256"; boundary="${boundary}"`;
    const lines = [
      ...[...head, 'MIME-Version: 1.0', `Content-Type: ${type}`, ''],
      ...['This is an S/MIME signed message', '', `--${boundary}`, content, `--${boundary}`],
      'Content-Type: application/x-pkcs7-signature; name="smime.p7s"',
      'Content-Transfer-Encoding: base64',
      'Content-Disposition: attachment; filename="smime.p7s"',
      ...['', base64(await readFile(file(`${name}.p7s`))), `--${boundary}--`, ''],
    ];
    return Buffer.from(lines.join('\r\n'), 'latin1');
  }

  function mixed(text: string, daticert: string, nested: Buffer | null): string {
    const boundary = `=_${randomUUID()}`;
    const lines = [
      ...[`Content-Type: multipart/mixed; boundary="${boundary}"`, '', `--${boundary}`],
      ...['Content-Type: text/plain; charset=iso-8859-1', '', text, `--${boundary}`],
      'Content-Type: application/xml; name="daticert.xml"',
      'Content-Transfer-Encoding: base64',
      'Content-Disposition: inline; filename="daticert.xml"',
      ...['', base64(Buffer.from(daticert))],
    ];
    if (nested !== null) {
      lines.push(
        ...[`--${boundary}`, 'Content-Type: message/rfc822; name="postacert.eml"'],
        'Content-Disposition: inline; filename="postacert.eml"',
        ...['', nested.toString('latin1')],
      );
    }
    return [...lines, `--${boundary}--`].join('\r\n');
  }

  function daticert(tipo: string, parts: PecParts, identificativo: string): string {
    const date = parts.date ?? new Date();
    const two = (value: number) => String(value).padStart(2, '0');
    const giorno = `${two(date.getUTCDate())}/${two(date.getUTCMonth() + 1)}/${date.getUTCFullYear()}`;
    const ora = `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())}`;
    const mittente = parts.from ?? 'giulia.verdi@pec.esempio.example';
    return `<?xml version="1.0" encoding="UTF-8"?>
<postacert tipo="${tipo}" errore="nessuno"><intestazione><mittente>${mittente}</mittente>
<destinatari tipo="certificato">${parts.to ?? 'mario.rossi@pec.example.it'}</destinatari><risposte>${mittente}</risposte>
<oggetto>${parts.subject}</oggetto></intestazione><dati><gestore-emittente>Gestore Uno S.p.A.</gestore-emittente>
<data zona="+0000"><giorno>${giorno}</giorno><ora>${ora}</ora></data>
<identificativo>${identificativo}</identificativo><msgid>&lt;${identificativo}.cliente@esempio.example&gt;</msgid>
${tipo === 'posta-certificata' ? '<ricevuta tipo="completa"/>' : ''}</dati></postacert>`;
  }

  const identifier = () => `opec1.${randomUUID()}@${GESTORE}`;

  return {
    caFile: file('ca.pem'),
    busta: async parts => {
      const id = identifier();
      const from = parts.from ?? 'giulia.verdi@pec.esempio.example';
      // postacert.eml is 7bit: what a client wrote in 8bit has to be plain ASCII here.
      const nested = plainMessage({ ...parts, from, headers: [`X-Riferimento-Message-ID: <${id}.cliente>`] });
      return signed(
        [
          'X-Trasporto: posta-certificata',
          `X-Riferimento-Message-ID: <${id}.cliente@esempio.example>`,
          `From: "Per conto di: ${from}" <posta-certificata@${GESTORE}>`,
          `To: ${parts.to ?? 'mario.rossi@pec.example.it'}`,
          `Subject: POSTA CERTIFICATA: ${parts.subject}`,
          `Date: ${rfc5322(parts.date ?? new Date())}`,
          `Message-ID: <${id}>`,
        ],
        mixed('Messaggio di posta certificata', daticert('posta-certificata', parts, id), nested),
      );
    },
    accettazione: async parts => {
      const id = identifier();
      return signed(
        [
          'X-Ricevuta: accettazione',
          `X-Riferimento-Message-ID: <${id}.cliente@esempio.example>`,
          `From: posta-certificata@${GESTORE}`,
          `To: ${parts.from ?? 'mario.rossi@pec.example.it'}`,
          `Subject: ACCETTAZIONE: ${parts.subject}`,
          `Date: ${rfc5322(parts.date ?? new Date())}`,
          `Message-ID: <ricevuta.${id}>`,
        ],
        mixed(parts.body ?? 'Ricevuta di accettazione', daticert('accettazione', parts, id), null),
      );
    },
    close: () => temporary.remove(),
  };
}
