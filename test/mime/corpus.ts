/** A message of the test corpus: CRLF line breaks, made up, one peculiarity each. */
export interface Sample {
  readonly name: string;
  readonly raw: Buffer;
  /** Why our answer is another one than Dovecot's, where it is. */
  readonly differs?: string;
}

/** Text to a message: LF becomes CRLF, `\x80`-`\xff` stand for octets. */
export function message(text: string): Buffer {
  return Buffer.from(text.replaceAll('\n', '\r\n'), 'latin1');
}

/** The shape of a delivery receipt: signed, alternative, daticert.xml, postacert.eml. */
export const RECEIPT: Buffer = message(
  [
    'Return-Path: <posta-certificata@gestore-uno.example>',
    'From: "Per conto di: studio@pec.example.it" <posta-certificata@gestore-uno.example>',
    'Reply-To: studio@pec.example.it',
    'To: cliente@pec.example.it, "Rossi, Anna" <anna@pec.example.it>',
    'Subject: CONSEGNA: Contratto di locazione',
    'Date: Tue, 03 Nov 2026 10:15:30 +0100',
    'Message-ID: <opec1.1@gestore-uno.example>',
    'X-Ricevuta: avvenuta-consegna',
    'MIME-Version: 1.0',
    'Content-Type: multipart/signed; protocol="application/x-pkcs7-signature";',
    ' micalg="sha-256"; boundary="----FIRMA"',
    '',
    'This is an S/MIME signed message',
    '',
    '------FIRMA',
    'Content-Type: multipart/mixed; boundary="----------=_M"',
    '',
    '------------=_M',
    'Content-Type: multipart/alternative; boundary="----------=_A"',
    '',
    '------------=_A',
    'Content-Type: text/plain; charset="iso-8859-1"',
    'Content-Disposition: inline',
    'Content-Transfer-Encoding: quoted-printable',
    '',
    'Il messaggio =E8 stato consegnato nella casella di destinazio=',
    'ne.',
    '------------=_A',
    'Content-Type: text/html; charset="utf-8"',
    'Content-Transfer-Encoding: 8bit',
    '',
    '<html><head><title>nascosto</title></head><body><p>Ricevuta di <b>avvenuta</b> consegna &egrave; qui',
    '</p></body></html>',
    '------------=_A--',
    '',
    '------------=_M',
    'Content-Type: application/xml; name="daticert.xml"',
    'Content-Disposition: inline; filename="daticert.xml"',
    'Content-Transfer-Encoding: base64',
    '',
    Buffer.from(
      '<?xml version="1.0" encoding="UTF-8"?><postacert tipo="avvenuta-consegna" errore="nessuno"><intestazione><oggetto>Contratto di locazione</oggetto></intestazione><dati><identificativo>opec-identificativo-77</identificativo></dati></postacert>',
    ).toString('base64'),
    '------------=_M',
    'Content-Type: message/rfc822; name="postacert.eml"',
    'Content-Disposition: attachment; filename="postacert.eml"',
    '',
    'From: studio@pec.example.it',
    'To: cliente@pec.example.it',
    'Subject: =?utf-8?Q?Contratto_di_locazione_=E2=82=AC_500?=',
    'Message-ID: <orig-1@pec.example.it>',
    'Content-Type: multipart/mixed; boundary=interno',
    '',
    '--interno',
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: base64',
    '',
    Buffer.from('In allegato la perizia giurata, perché richiesta.').toString('base64'),
    '--interno',
    "Content-Type: application/pdf; name*=utf-8''perizia%20giurat%C3%A0.pdf",
    "Content-Disposition: attachment; filename*0*=utf-8''perizia%20; filename*1*=giurat%C3%A0; filename*2=.pdf",
    'Content-Transfer-Encoding: base64',
    '',
    'JVBERi0xLjQK',
    '--interno--',
    '',
    '------------=_M--',
    '',
    '------FIRMA',
    'Content-Type: application/x-pkcs7-signature; name="smime.p7s"',
    'Content-Transfer-Encoding: base64',
    'Content-Disposition: attachment; filename="smime.p7s"',
    '',
    'MIIB',
    '------FIRMA--',
    '',
  ].join('\n'),
);
