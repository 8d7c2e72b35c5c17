import MailComposer from 'nodemailer/lib/mail-composer';

export interface Letter {
  readonly to: readonly string[];
  readonly subject: string;
  /** Lines without their ends; wrapped by the reader. */
  readonly text: string;
  /** Without angle brackets. The same for the same alert: who gets it twice can tell. */
  readonly id: string;
}

/** A message of Archivia's own, CRLF. `Auto-Submitted` keeps automatic answers away (RFC 3834 section 5). */
export function writeLetter(from: string, { to, subject, text, id }: Letter): Promise<Buffer> {
  const composer = new MailComposer({
    from: { name: 'Archivia', address: from },
    to: [...to],
    subject,
    text: `${text.trim()}\n`,
    messageId: `<${id}>`,
    newline: 'windows',
    headers: { 'Auto-Submitted': 'auto-generated', 'X-Auto-Response-Suppress': 'All' },
  });
  return composer.compile().build();
}
