import type { SMTPServerAddress } from 'smtp-server';

/** What a client declared with MAIL FROM. */
export interface MailParameters {
  readonly size: number | null;
  readonly eightBit: boolean;
  /** SMTPUTF8 (RFC 6531). */
  readonly utf8: boolean;
  /** DSN (RFC 3461): RET and ENVID, ready for the wire. */
  readonly dsn: readonly string[];
}

type Arguments = SMTPServerAddress['args'];

export function mailParameters(args: Arguments): MailParameters {
  const { SIZE: size, BODY: body, SMTPUTF8: utf8, RET: ret, ENVID: envid } = args === false ? {} : args;
  return {
    size: size === undefined ? null : Number(size),
    eightBit: typeof body === 'string' && body.toUpperCase() === '8BITMIME',
    utf8: utf8 === true,
    dsn: [
      ...(typeof ret === 'string' ? [`RET=${ret.toUpperCase()}`] : []),
      ...(typeof envid === 'string' ? [`ENVID=${xtext(envid)}`] : []),
    ],
  };
}

/** DSN parameters of RCPT TO, ready for the wire. */
export function recipientParameters(args: Arguments): readonly string[] {
  const { NOTIFY: notify, ORCPT: original } = args === false ? {} : args;
  const parameters: string[] = [];
  if (typeof notify === 'string') parameters.push(`NOTIFY=${notify.toUpperCase()}`);
  if (typeof original === 'string') {
    const end = original.indexOf(';') + 1;
    parameters.push(`ORCPT=${original.slice(0, end)}${xtext(original.slice(end))}`);
  }
  return parameters;
}

/** RFC 3461 section 4; smtp-server has decoded it. */
function xtext(value: string): string {
  return Buffer.from(value, 'utf8')
    .toString('latin1')
    .replace(/[^\x21-\x2a\x2c-\x3c\x3e-\x7e]/g, octet => {
      return `+${octet.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
    });
}
