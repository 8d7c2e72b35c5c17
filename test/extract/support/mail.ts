export interface Attached {
  readonly name: string | null;
  readonly type: string;
  readonly bytes: Uint8Array;
}

/** A message with a body of text and these attachments in base64. */
export function makeMail(attached: readonly Attached[], text = 'in allegato'): Buffer {
  const parts = attached.map(({ name, type, bytes }) => {
    const disposition = name === null ? '' : `Content-Disposition: attachment; filename="${name}"\r\n`;
    const base64 = Buffer.from(bytes)
      .toString('base64')
      .replace(/.{1,76}/g, '$&\r\n');
    return `--b\r\nContent-Type: ${type}\r\n${disposition}Content-Transfer-Encoding: base64\r\n\r\n${base64}`;
  });
  const header = 'From: anna@pec.example.it\r\nSubject: Atti\r\nMIME-Version: 1.0\r\n';
  const body = `--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n${text}\r\n${parts.join('')}--b--\r\n`;
  return Buffer.from(`${header}Content-Type: multipart/mixed; boundary=b\r\n\r\n${body}`);
}
