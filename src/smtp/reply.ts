/** An SMTP reply: the code, and the text with its enhanced code (RFC 3463) where there is one. */
export interface Reply {
  readonly code: number;
  readonly text: string;
}

/** A reply that ends a command badly; smtp-server reads `responseCode`. */
export class SmtpRefusal extends Error {
  override readonly name = 'SmtpRefusal';
  readonly responseCode: number;

  constructor(reply: Reply) {
    super(reply.text);
    this.responseCode = reply.code;
  }
}

/** `raw` as it came, its lines divided by line feeds; code 0 when it is no SMTP reply. */
export function parseReply(raw: string): Reply {
  const lines = raw.split(/\r?\n/).filter(line => line !== '');
  const match = /^(\d{3})(?:[ -]|$)/.exec(lines[0] ?? '');
  const enhanced = /^[245]\.\d{1,3}\.\d{1,3}(?: |$)/;
  // Every line of a reply repeats the enhanced code (RFC 2034 section 4); in one line it stands once.
  const texts = lines
    .map(line => line.slice(4))
    .map((text, index) => (index === 0 ? text : text.replace(enhanced, '')));
  return { code: Number(match?.[1] ?? 0), text: texts.join(' ').trim() };
}

export function isPositive({ code }: Reply): boolean {
  return code >= 200 && code < 300;
}
