/** Messages that Archivia itself writes into Conservazione: an Italian text with files attached. */

export interface Notice {
  readonly account: string;
  /** Local part of the Message-ID, and the boundary's tail: ASCII letters, digits, `-`. */
  readonly id: string;
  /** As it stands in the header; see encodedHeader. */
  readonly subject: string;
  /** Milliseconds since the epoch. */
  readonly date: number;
  readonly text: string;
}

export interface NoticeAttachment {
  /** ASCII, without quotes. */
  readonly name: string;
  readonly contentType: string;
}

/** Octets of a base64 line, 76 characters. */
const LINE = 57;

/**
 * The message around its attachment, in pieces: what stands before the attachment's base64 and what stands after. The
 * same notice gives the same bytes.
 */
export function noticeFrame(
  notice: Notice,
  attachment: NoticeAttachment | null,
): { readonly start: string; readonly end: string } {
  const { account, id } = notice;
  const boundary = `=_${id}`;
  const domain = account.slice(account.lastIndexOf('@') + 1);
  const start = [
    `From: "Archivia - conservazione" <${account}>`,
    `To: <${account}>`,
    `Subject: ${notice.subject}`,
    `Date: ${new Date(notice.date).toUTCString().replace('GMT', '+0000')}`,
    `Message-ID: <${id}@${domain}>`,
    'Auto-Submitted: auto-generated',
    'MIME-Version: 1.0',
    `Content-Type: multipart/mixed; boundary="${boundary}"`,
    '',
    `--${boundary}`,
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: base64',
    '',
    base64Lines(Buffer.from(notice.text, 'utf8')),
    ...(attachment === null
      ? []
      : [
          `--${boundary}`,
          `Content-Type: ${attachment.contentType}; name="${attachment.name}"`,
          'Content-Transfer-Encoding: base64',
          `Content-Disposition: attachment; filename="${attachment.name}"`,
          '',
          '',
        ]),
  ].join('\r\n');
  return { start: attachment === null ? `${start}\r\n` : start, end: `--${boundary}--\r\n` };
}

/** A message with a small attachment, whole. */
export function noticeMessage(notice: Notice, attachment: NoticeAttachment, bytes: Uint8Array): Uint8Array {
  const { start, end } = noticeFrame(notice, attachment);
  return Buffer.from(`${start}${base64Lines(bytes)}\r\n${end}`, 'utf8');
}

/** Base64 in lines of 76 characters, without a line end after the last. */
export function base64Lines(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const lines: string[] = [];
  for (let at = 0; at < buffer.length; at += LINE) lines.push(buffer.toString('base64', at, at + LINE));
  return lines.join('\r\n');
}

/** A header field's text: as it is, or in encoded words (RFC 2047) folded into lines. */
export function encodedHeader(text: string): string {
  if (/^[\x20-\x7e]{0,900}$/.test(text)) return text;
  const words: string[] = [];
  let word = '';
  for (const character of text) {
    // 45 octets are 60 characters of base64; a character is never split.
    if (Buffer.byteLength(word + character) > 45) {
      words.push(word);
      word = '';
    }
    word += character;
  }
  words.push(word);
  return words.map(each => `=?UTF-8?B?${Buffer.from(each).toString('base64')}?=`).join('\r\n ');
}

/** One line of at most 120 characters. */
export function oneLine(text: string): string {
  const line = text.replace(/[\s\x00-\x1f\x7f]+/g, ' ').trim();
  return line.length > 120 ? `${line.slice(0, 120)}…` : line;
}
