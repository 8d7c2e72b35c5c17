/** Small messages of the tests' own; those with a real signature come from the generator. */
export function ordinaryMessage(number: number, body = 'Testo'): string {
  return [
    'From: Ufficio <ufficio@example.org>',
    'To: studio@pec.example.it',
    `Subject: Messaggio ${number}`,
    'Date: Fri, 20 Nov 2026 10:00:00 +0100',
    `Message-ID: <${number}@example.org>`,
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=us-ascii',
    '',
    body,
    '',
  ].join('\r\n');
}
