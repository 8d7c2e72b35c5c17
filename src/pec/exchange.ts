/**
 * The exchange: a message that was sent, and what its gestori told about it (RFC 6109 sections 3.1 to 3.3). Worked out
 * from whatever parts are there, in whatever order they came.
 *
 * A receipt counts only when it is `trusted`: its signature holds, leads to an authority that is believed, and is a
 * gestore's (`posta-certificata@`, RFC 6109 section 4.5). Anybody can write the header of a receipt into an ordinary
 * message and sign it with a certificate of his own making; such a message is listed and changes nothing. Nor does a
 * receipt count that names another sender than the message has.
 */
import type { PecFacts, PecKind, RemFacts, SignatureOutcome } from './types.ts';

const HOUR = 3_600_000;
/** After this a gestore declares a delivery failed (RFC 6109 section 3.1.6: between 22 and 24 hours). */
const DELIVERY_TIME = 24 * HOUR;
/** A second notice comes no earlier, the first one at 12 hours. */
const SECOND_NOTICE = 20 * HOUR;

interface ExchangeRecipient {
  /** Lower case. */
  readonly address: string;
  /** Whether the address is a certified mailbox; null while no receipt has told. */
  readonly certified: boolean | null;
}

/** What one message contributes to an exchange. */
export interface ExchangePart {
  readonly role: 'sent' | PecKind;
  /** Lower case: From of what was sent, daticert's mittente of a receipt. */
  readonly sender: string;
  /** Message-ID that the sender's program gave, without angle brackets. */
  readonly msgid: string | null;
  /** PEC id, given by the gestore at acceptance. */
  readonly identificativo: string | null;
  /** Whom a receipt is about, lower case; null when it is about all. */
  readonly recipient: string | null;
  readonly recipients: readonly ExchangeRecipient[];
  readonly at: number;
  readonly trusted: boolean;
  readonly notice: PecFacts['notice'];
  readonly virus: boolean;
  /** daticert's errore-esteso. */
  readonly error: string | null;
}

type RecipientState =
  /** Nothing is known but that it was sent. */
  | 'waiting'
  /** 12 hours have gone by without delivery. */
  | 'delayed'
  | 'delivered'
  | 'failed'
  /** An ordinary mailbox: no receipt of delivery will come. */
  | 'uncertified';

export interface ExchangeState<Part extends ExchangePart = ExchangePart> {
  readonly acceptance: 'unknown' | 'accepted' | 'refused';
  /** When it was accepted or refused. */
  readonly acceptedAt: number | null;
  readonly recipients: readonly (ExchangeRecipient & {
    readonly state: RecipientState;
    /** When the gestore's clock said so; null while waiting. */
    readonly at: number | null;
    readonly error: string | null;
  })[];
  /**
   * `overdue`: no delivery to all within 24 hours, and nothing says that it failed.
   */
  readonly state: 'waiting' | 'overdue' | 'delivered' | 'failed';
  /** When `waiting` becomes `overdue` by the clock alone. */
  readonly dueAt: number;
  /** Trusted receipts, oldest first. */
  readonly receipts: readonly Part[];
}

const RECEIPTS: ReadonlySet<PecKind> = new Set([
  'accettazione',
  'non-accettazione',
  'presa-in-carico',
  'avvenuta-consegna',
  'errore-consegna',
  'preavviso-errore-consegna',
]);

/** What a receipt or a message says about its exchange; null for everything else. */
export function exchangePart(
  facts: PecFacts,
  signature: Pick<SignatureOutcome, 'status' | 'signer'>,
  message: {
    readonly from: string | null;
    readonly recipients: readonly string[];
    readonly messageId: string | null;
    readonly at: number;
  },
): ExchangePart | null {
  if (facts.kind === 'ordinaria') {
    const msgid = bare(message.messageId);
    if (msgid === null || message.from === null) return null;
    return {
      ...NOTHING_SAID,
      role: 'sent',
      sender: message.from.toLowerCase(),
      msgid,
      recipients: unique(message.recipients.map(address => ({ address: address.toLowerCase(), certified: null }))),
      at: message.at,
    };
  }
  if (facts.rem !== null) return remPart(facts, facts.rem, signature, message.at);
  const { daticert } = facts;
  if (!RECEIPTS.has(facts.kind) || daticert === null) return null;
  return {
    role: facts.kind,
    sender: daticert.mittente.toLowerCase(),
    msgid: bare(daticert.msgid ?? facts.referenceMessageId),
    identificativo: bare(daticert.identificativo),
    recipient: daticert.consegna?.toLowerCase() ?? null,
    recipients: unique(
      daticert.destinatari.map(({ address, tipo }) => ({
        address: address.toLowerCase(),
        certified: tipo.toLowerCase() !== 'esterno',
      })),
    ),
    at: daticert.at ?? message.at,
    trusted: isGestore(signature),
    notice: facts.notice,
    virus: facts.virus,
    error: daticert.erroreEsteso,
  };
}

const REM_ROLES: Readonly<Record<string, PecKind>> = {
  SubmissionAcceptance: 'accettazione',
  SubmissionRejection: 'non-accettazione',
  RelayRejection: 'errore-consegna',
  RelayFailure: 'errore-consegna',
  ContentConsignment: 'avvenuta-consegna',
  ContentConsignmentFailure: 'errore-consegna',
};

/** A REM evidence has the place of the PEC receipt that says the same; a dispatch is no receipt. */
function remPart(
  facts: PecFacts,
  rem: RemFacts,
  signature: Pick<SignatureOutcome, 'status' | 'signer'>,
  at: number,
): ExchangePart | null {
  const { evidence } = rem;
  const event = evidence?.event ?? '';
  const role = Object.hasOwn(REM_ROLES, event) ? REM_ROLES[event] : undefined;
  const msgid = bare(facts.referenceMessageId);
  // What the header says is not signed: it has to be what the evidence says.
  if (role === undefined || evidence?.sender == null || event !== rem.event || facts.category === 'Ricevuti')
    return null;
  if (msgid === null || msgid !== bare(evidence.messageIdentifier)) return null;
  const submission = role === 'accettazione' || role === 'non-accettazione';
  return {
    ...NOTHING_SAID,
    role,
    sender: evidence.sender,
    msgid,
    recipient: submission ? null : (evidence.recipients[0] ?? null),
    recipients: submission ? evidence.recipients.map(address => ({ address, certified: true })) : [],
    at: evidence.at ?? at,
    trusted: isGestore(signature),
    error: rem.reason,
  };
}

const NOTHING_SAID = {
  identificativo: null,
  recipient: null,
  trusted: false,
  notice: null,
  virus: false,
  error: null,
} as const;

function isGestore({ status, signer }: Pick<SignatureOutcome, 'status' | 'signer'>): boolean {
  const holds = status === 'valid' || status === 'valid-with-remarks';
  return holds && (signer?.emails.some(email => /^(posta-certificata|rem-service)@/i.test(email)) ?? false);
}

/**
 * Where the sending of a message stands.
 * @param parts receipts of the exchange, in any order; those that are not trusted or name another sender do not count
 * @param now milliseconds since the epoch
 */
export function exchangeState<Part extends ExchangePart>(
  sent: ExchangePart,
  parts: readonly Part[],
  now: number,
): ExchangeState<Part> {
  const receipts = parts
    .filter(part => part.trusted && part.sender === sent.sender && part.role !== 'sent')
    .sort((a, b) => a.at - b.at);
  const refusal = receipts.find(({ role }) => role === 'non-accettazione');
  const accepted = receipts.find(({ role }) => role === 'accettazione');
  // A delivery proves the acceptance of which the receipt is missing.
  const delivery = receipts.find(({ role }) => role === 'avvenuta-consegna');
  const acceptance = accepted || delivery ? 'accepted' : refusal ? 'refused' : 'unknown';
  const acceptedAt = (accepted ?? delivery ?? refusal)?.at ?? null;
  const startedAt = accepted?.at ?? sent.at;
  const recipients = recipientsOf(sent, receipts).map(recipient => {
    if (acceptance === 'refused') {
      return { ...recipient, state: 'failed' as const, at: acceptedAt, error: refusal?.error ?? null };
    }
    return { ...recipient, ...fate(recipient, receipts, startedAt) };
  });
  const certified = recipients.filter(({ state }) => state !== 'uncertified');
  const dueAt = startedAt + DELIVERY_TIME;
  let state: ExchangeState['state'] = now >= dueAt ? 'overdue' : 'waiting';
  if (acceptance === 'refused' || recipients.some(recipient => recipient.state === 'failed')) state = 'failed';
  else if (acceptance === 'accepted' && certified.every(recipient => recipient.state === 'delivered')) {
    state = 'delivered';
  }
  return { acceptance, acceptedAt, recipients, state, dueAt, receipts };
}

/** The gestore's list, which leaves nobody out; the header's, Bcc being refused, until there is one. */
function recipientsOf(sent: ExchangePart, receipts: readonly ExchangePart[]): readonly ExchangeRecipient[] {
  const told = receipts.filter(({ recipients }) => recipients.length > 0);
  return (told.find(({ role }) => role === 'accettazione') ?? told[0] ?? sent).recipients;
}

function fate(
  { address, certified }: ExchangeRecipient,
  receipts: readonly ExchangePart[],
  startedAt: number,
): { state: RecipientState; at: number | null; error: string | null } {
  const own = receipts.filter(({ recipient }) => recipient === address);
  const last = (role: PecKind) => own.findLast(part => part.role === role);
  // What lies in the mailbox lies there, whatever notice was on its way.
  const delivered = last('avvenuta-consegna');
  if (delivered) return { state: 'delivered', at: delivered.at, error: null };
  const failed = last('errore-consegna') ?? own.findLast(part => isFinalNotice(part, startedAt));
  if (failed) return { state: 'failed', at: failed.at, error: failed.error };
  const delayed = last('preavviso-errore-consegna');
  if (delayed) return { state: 'delayed', at: delayed.at, error: delayed.error };
  return { state: certified === false ? 'uncertified' : 'waiting', at: null, error: null };
}

/** The notices at 12 and at 24 hours have the same header: told apart by the text, else by the clock. */
function isFinalNotice({ role, notice, at }: ExchangePart, startedAt: number): boolean {
  if (role !== 'preavviso-errore-consegna') return false;
  return notice === null ? at - startedAt >= SECOND_NOTICE : notice === '24h';
}

/** Without angle brackets, which gestori write or leave out. */
function bare(id: string | null): string | null {
  return id?.trim().replace(/^<|>$/g, '') || null;
}

function unique(recipients: readonly ExchangeRecipient[]): ExchangeRecipient[] {
  return [...new Map(recipients.map(recipient => [recipient.address, recipient])).values()];
}
