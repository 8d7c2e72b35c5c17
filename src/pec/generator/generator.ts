/**
 * Makes PEC traffic as one mailbox sees it: really signed, consistent from message to message, the same for the same
 * seed and moment (but for what ECDSA draws at random and what the keys are).
 */
import type { PecKind } from '../types.ts';
import { type Attachment, AttachmentPool } from './attachments.ts';
import type { TestAuthorities } from './authorities.ts';
import { GestoreSigner, writeDaticert } from './certified.ts';
import { CmsSigner, type DigestName } from './cms-write.ts';
import { later, legalTime } from './dates.ts';
import { CRLF, textField, textPart } from './mime-write.ts';
import { NOTICES, type Notice, noticeText } from './notices.ts';
import {
  addressField,
  newDelimiter,
  newMessageId,
  type Original,
  type ReceiptType,
  renderOriginal,
} from './original.ts';
import { Random } from './random.ts';
import { type EvidenceContent, evidencePart, type RemEvent, remFields, remPart } from './rem.ts';
import { type CorpusOptions, corpus, every } from './scenes.ts';
import { letter, OUTSIDER, PEOPLE, type Person, subject } from './texts.ts';

export interface GeneratedMessage {
  readonly raw: Buffer;
  readonly kind: PecKind;
  readonly direction: 'received' | 'sent';
  readonly internalDate: Date;
  readonly folder: 'INBOX' | 'Inviata';
  /** The PEC id; null where nothing is certified. */
  readonly identificativo: string | null;
}

export interface GeneratorOptions {
  readonly authorities: TestAuthorities;
  readonly seed: number;
  /** Whose traffic it is. */
  readonly mailbox: Person;
  /** Newest date that is made up; now when absent. */
  readonly now?: Date;
  /** Digest of the gestori's signatures; SHA-256 when absent. */
  readonly digest?: DigestName;
  /** DER of revocation lists that the gestori enclose in their signatures; none when absent. */
  readonly revocationLists?: readonly Uint8Array[];
}

/** What a message is made of; whatever is absent is made up. */
export interface MessageOptions {
  readonly at?: Date;
  readonly from?: Person;
  readonly to?: readonly Person[];
  readonly cc?: readonly Person[];
  readonly subject?: string;
  readonly text?: string;
  readonly attachments?: readonly Attachment[];
  readonly receiptType?: ReceiptType;
  /** With angle brackets. */
  readonly messageId?: string;
}

/** How a message fares with one recipient. */
export type Delivery = 'delivered' | 'no-mailbox' | 'virus' | 'late';

export interface ExchangeOptions extends MessageOptions {
  /** `refused` and `refused-virus` end in an avviso di non accettazione. */
  readonly acceptance?: 'accepted' | 'refused' | 'refused-virus';
  /** For each recipient, To before Cc; delivered where absent. */
  readonly deliveries?: readonly Delivery[];
}

export interface Exchange {
  /** The sender's copy. */
  readonly sent: GeneratedMessage;
  /** Null when the message was refused. */
  readonly accettazione: GeneratedMessage | null;
  readonly consegne: readonly GeneratedMessage[];
  /** Non accettazione, mancata consegna, preavvisi. */
  readonly avvisi: readonly GeneratedMessage[];
  /** What the recipients get; null when the message was refused. */
  readonly busta: GeneratedMessage | null;
}

/** One event about one message. */
interface Event {
  readonly notice: Notice;
  readonly original: Original;
  readonly id: string;
  readonly at: Date;
  readonly signer: GestoreSigner;
  readonly consegna?: Person;
  readonly receiptType?: ReceiptType;
}

export class PecGenerator {
  readonly random: Random;
  readonly attachments: AttachmentPool;
  readonly now: Date;
  readonly mailbox: Person;
  /** Whom the mailbox writes to and hears from. */
  readonly others: readonly Person[];
  readonly #signers: readonly GestoreSigner[];
  readonly #signatory: CmsSigner;

  constructor(options: GeneratorOptions) {
    const { authorities, digest = 'sha256' } = options;
    this.mailbox = options.mailbox;
    this.others = PEOPLE.filter(({ address }) => address !== options.mailbox.address);
    this.random = new Random(options.seed);
    this.now = new Date(Math.floor((options.now ?? new Date()).getTime() / 1000) * 1000);
    this.#signers = authorities.gestori.map(gestore => new GestoreSigner(gestore, digest, options.revocationLists));
    this.#signatory = new CmsSigner(authorities.signatory);
    this.attachments = this.attachmentPool(6000);
  }

  /** Files whose PDFs have so many octets on average. */
  attachmentPool(meanSize: number): AttachmentPool {
    return new AttachmentPool(this.random, this.#signatory, later(this.now, -90 * 86_400), meanSize);
  }

  /** One or more of every kind that reaches a user, over some two years, oldest first. */
  every(): GeneratedMessage[] {
    return every(this);
  }

  /** So many messages in the proportions of a busy office, over two years, roughly oldest first. */
  corpus(count: number, options: CorpusOptions = {}): Generator<GeneratedMessage, void> {
    return corpus(this, count, options);
  }

  /** A working hour so many days before `now`. */
  daysAgo(days: number): Date {
    const day = Math.floor(this.now.getTime() / 86_400_000) - days;
    return new Date(day * 86_400_000 + this.random.between(7 * 3600, 15 * 3600) * 1000);
  }

  /** A message that the mailbox sends, and everything that comes back about it. */
  exchange(options: ExchangeOptions = {}): Exchange {
    const original = this.#original(options, this.mailbox);
    const sent = this.#sent(original);
    const signer = this.#signerOf(original.from);
    const accepted = later(original.at, this.random.between(2, 9));
    const id = this.#pecId(signer, accepted);
    const event = { original, id, at: accepted, signer };
    if (options.acceptance === 'refused' || options.acceptance === 'refused-virus') {
      const notice = options.acceptance === 'refused' ? 'non-accettazione' : 'non-accettazione-virus';
      return { sent, accettazione: null, consegne: [], avvisi: [this.#notice({ ...event, notice })], busta: null };
    }
    const consegne: GeneratedMessage[] = [];
    const avvisi: GeneratedMessage[] = [];
    [...original.to, ...original.cc].forEach((recipient, index) => {
      // An ordinary mailbox gives no receipt.
      if (recipient.address === OUTSIDER.address) return;
      const delivery = options.deliveries?.[index] ?? 'delivered';
      const copy = index >= original.to.length;
      const made = this.#deliver({ ...event, consegna: recipient }, delivery, copy);
      (delivery === 'delivered' ? consegne : avvisi).push(...made);
    });
    const busta = this.#notice({ ...event, notice: 'busta-trasporto', receiptType: original.receiptType });
    return { sent, accettazione: this.#notice({ ...event, notice: 'accettazione' }), consegne, avvisi, busta };
  }

  #deliver(event: Omit<Event, 'notice'> & { consegna: Person }, delivery: Delivery, copy: boolean): GeneratedMessage[] {
    const seconds = this.random.between(2, 40);
    const own = { ...event, at: later(event.at, seconds), signer: this.#signerOf(event.consegna) };
    switch (delivery) {
      case 'delivered': {
        // Those in Cc get no original back (RFC 6109 section 3.3.2.1).
        const receiptType = copy ? 'sintetica' : (event.original.receiptType ?? 'completa');
        return [this.#notice({ ...own, notice: 'avvenuta-consegna', receiptType })];
      }
      case 'no-mailbox':
        return [this.#notice({ ...own, notice: 'errore-consegna' })];
      case 'virus':
        return [this.#notice({ ...own, notice: 'errore-consegna-virus', signer: event.signer })];
      case 'late':
        return [
          this.#notice({ ...event, notice: 'preavviso-12', at: later(event.at, 12 * 3600) }),
          this.#notice({ ...event, notice: 'preavviso-24', at: later(event.at, 24 * 3600 - 60) }),
        ];
    }
  }

  /** A busta di trasporto that the mailbox receives. */
  incoming(options: MessageOptions = {}): GeneratedMessage {
    const original = this.#original({ to: [this.mailbox], ...options }, this.random.pick(this.others));
    const signer = this.#signerOf(original.from);
    const at = later(original.at, this.random.between(2, 9));
    const id = this.#pecId(signer, at);
    return this.#notice({ notice: 'busta-trasporto', original, id, at, signer, receiptType: original.receiptType });
  }

  /**
   * A message of the coming European PEC (REM): what a provider tells the mailbox of an event. `ContentConsignment` of
   * somebody else's message to the mailbox is a dispatch, which encloses it.
   */
  rem(event: RemEvent, options: MessageOptions & { readonly reason?: string } = {}): GeneratedMessage {
    const dispatch = options.from !== undefined;
    const original = this.#original(dispatch ? { to: [this.mailbox], ...options } : options, this.mailbox);
    const [recipient = this.mailbox] = original.to;
    const submission = event.startsWith('Submission');
    const signer = this.#signerOf(submission ? original.from : recipient);
    const { domain } = signer.gestore;
    const at = later(original.at, this.random.between(2, 40));
    const content: EvidenceContent = {
      id: `urn:uuid:${this.random.hex(8)}-${this.random.hex(4)}-4${this.random.hex(3)}-a${this.random.hex(3)}-${this.random.hex(12)}`,
      event,
      reason: options.reason ?? null,
      at,
      issuer: `rem-service@${domain}`,
      sender: original.from.address,
      recipients: (submission ? original.to : [recipient]).map(({ address }) => address),
      messageIdentifier: original.messageId,
      original: renderOriginal(original),
    };
    const fields = [
      received(`mx.${domain}`, later(at, 1)),
      ...remFields(content, dispatch),
      `Date: ${legalTime(at).header}`,
      textField('Subject', `${event}: ${original.subject}`),
      `From: rem-service@${domain}`,
      `To: ${(dispatch ? this.mailbox : original.from).address}`,
      `Message-ID: <${this.random.hex(24)}@${domain}>`,
    ];
    const text = [`Evento ${event} per il messaggio "${original.subject}".`, ''].join('\n');
    const introduction = textPart(text, 'plain', 'utf-8');
    const headEnd = introduction.indexOf(CRLF + CRLF);
    const parts = [
      remPart('introduction', [introduction.slice(0, headEnd)], introduction.slice(headEnd + 2 * CRLF.length)),
      ...(dispatch
        ? [remPart('original', ['Content-Type: message/rfc822; name="AttachedMimeMessage"'], content.original)]
        : []),
      evidencePart(content, signer.pairAt(at)),
    ];
    const raw = signer.sealParts(fields, parts, at, this.random);
    return {
      raw,
      kind: 'rem',
      direction: 'received',
      internalDate: later(at, 2),
      folder: 'INBOX',
      identificativo: null,
    };
  }

  /** A busta di anomalia: ordinary mail, enclosed by the mailbox's own gestore. */
  anomaly(options: MessageOptions = {}): GeneratedMessage {
    const original = this.#original({ to: [this.mailbox], ...options }, OUTSIDER);
    const signer = this.#signerOf(this.mailbox);
    const at = later(original.at, this.random.between(2, 9));
    return this.#notice({ notice: 'busta-anomalia', original, id: original.messageId.slice(1, -1), at, signer });
  }

  /** Mail that nobody certified, as some gestori let in. */
  ordinary(options: MessageOptions = {}): GeneratedMessage {
    const original = this.#original({ to: [this.mailbox], ...options }, OUTSIDER);
    const before = [`Return-Path: <${original.from.address}>`, received('mx.posta.example', original.at)];
    return {
      raw: Buffer.from(renderOriginal(original, { before }), 'latin1'),
      kind: 'ordinaria',
      direction: 'received',
      internalDate: original.at,
      folder: 'INBOX',
      identificativo: null,
    };
  }

  #original(options: MessageOptions, from: Person): Original {
    const { random } = this;
    const at = options.at ?? this.daysAgo(random.between(1, 60));
    const author = options.from ?? from;
    return {
      from: author,
      to: options.to ?? [random.pick(this.others)],
      cc: options.cc ?? [],
      subject: options.subject ?? subject(random, at.getUTCFullYear()),
      text: options.text ?? letter(random, random.between(200, 900), author.name),
      attachments: options.attachments ?? [],
      at,
      messageId: options.messageId ?? newMessageId(random, author.address.slice(author.address.indexOf('@') + 1)),
      receiptType: options.receiptType,
      delimiter: newDelimiter(random),
    };
  }

  #sent(original: Original): GeneratedMessage {
    return {
      raw: Buffer.from(renderOriginal(original), 'latin1'),
      kind: 'ordinaria',
      direction: 'sent',
      internalDate: original.at,
      folder: 'Inviata',
      identificativo: null,
    };
  }

  /** Signs one busta, ricevuta or avviso. */
  #notice(event: Event): GeneratedMessage {
    const { notice, original, id, at, signer } = event;
    const form = NOTICES[notice];
    const envelope = notice === 'busta-trasporto' || notice === 'busta-anomalia';
    const raw = signer.seal(
      {
        fields: envelope ? this.#envelopeFields(event) : this.#receiptFields(event),
        text: noticeText(notice, original, at, id, event.consegna?.address),
        daticert: notice === 'busta-anomalia' ? null : this.#daticert(event),
        postacert: this.#postacert(event),
        at,
      },
      this.random,
    );
    const identificativo = notice === 'busta-anomalia' ? null : id;
    return { raw, kind: form.kind, direction: 'received', internalDate: later(at, 2), folder: 'INBOX', identificativo };
  }

  #daticert({ notice, original, id, at, signer, consegna, receiptType }: Event): string {
    const form = NOTICES[notice];
    return writeDaticert({
      tipo: form.kind === 'busta-trasporto' ? 'posta-certificata' : form.kind,
      errore: form.errore,
      mittente: original.from.address,
      destinatari: [...original.to, ...original.cc].map(({ address }) => ({
        address,
        certified: address !== OUTSIDER.address,
      })),
      oggetto: original.subject,
      gestore: signer.gestore.name,
      at,
      identificativo: id,
      msgid: original.messageId,
      ricevuta: notice === 'busta-trasporto' ? (receiptType ?? 'completa') : receiptType,
      consegna: consegna?.address,
      erroreEsteso: form.erroreEsteso,
    });
  }

  /** The enclosed message: whole, with hashes for attachments, or none. */
  #postacert({ notice, original, id, receiptType }: Event): string | null {
    if (notice === 'busta-anomalia') {
      return renderOriginal(original, { before: [received('mx.posta.example', original.at)] });
    }
    const encloses = notice === 'busta-trasporto' || (notice === 'avvenuta-consegna' && receiptType !== 'sintetica');
    if (!encloses) return null;
    const { domain } = this.#signerOf(original.from).gestore;
    const before = [received(`submission.${domain}`, original.at), `X-Riferimento-Message-ID: ${original.messageId}`];
    const brief = notice === 'avvenuta-consegna' && receiptType === 'breve';
    return renderOriginal(original, { before, messageId: `<${id}>`, brief });
  }

  #envelopeFields({ notice, original, id, at, signer, receiptType }: Event): string[] {
    const { address, domain } = signer.gestore;
    const form = NOTICES[notice];
    const certified = notice === 'busta-trasporto';
    return [
      `Return-Path: <${certified ? address : original.from.address}>`,
      received(`mx.${domain}`, later(at, 1)),
      received(`submission.${domain}`, original.at),
      ...(certified ? [`X-Riferimento-Message-ID: ${original.messageId}`] : []),
      ...form.fields,
      ...(receiptType === undefined ? [] : [`X-TipoRicevuta: ${receiptType}`]),
      `Date: ${legalTime(at).header}`,
      textField('Subject', `${form.prefix}${original.subject}`),
      `From: "Per conto di: ${original.from.address}"${CRLF} <${address}>`,
      addressField('Reply-To', [original.from]),
      addressField('To', original.to),
      ...(original.cc.length > 0 ? [addressField('Cc', original.cc)] : []),
      `Message-ID: <${id}>`,
    ];
  }

  #receiptFields({ notice, original, at, signer }: Event): string[] {
    const { address, domain } = signer.gestore;
    const form = NOTICES[notice];
    return [
      `Return-Path: <${address}>`,
      received(`mx.${domain}`, later(at, 1)),
      `X-Riferimento-Message-ID: ${original.messageId}`,
      ...form.fields,
      `Date: ${legalTime(at).header}`,
      textField('Subject', `${form.prefix}${original.subject}`),
      `From: ${address}`,
      `To: ${original.from.address}`,
      `Message-ID: <${this.#pecId(signer, at)}>`,
    ];
  }

  /** By the address's domain; the first gestore serves whoever has none. */
  #signerOf(person: Person): GestoreSigner {
    const found = this.#signers.find(({ gestore }) => person.address.endsWith(gestore.domain)) ?? this.#signers[0];
    if (found === undefined) throw new RangeError('there is no gestore');
    return found;
  }

  /** In the manner of the families of software that gestori run. */
  #pecId({ gestore }: GestoreSigner, at: Date): string {
    const { random } = this;
    const { compact } = legalTime(at);
    if (gestore.domain.includes('-tre')) {
      const groups = Array.from({ length: 4 }, () => random.hex(8)).join('.');
      return `${groups}.posta-certificata@${gestore.domain}`;
    }
    const family = gestore.domain.includes('-due') ? 'jpec' : 'opec';
    const tail = `${random.between(10_000, 32_000)}.${random.between(100, 999)}.1.${random.between(10, 99)}`;
    return `${family}${random.between(100, 2999)}.${compact}.${tail}@${gestore.domain}`;
  }
}

export function createGenerator(options: GeneratorOptions): PecGenerator {
  return new PecGenerator(options);
}

function received(host: string, at: Date): string {
  return `Received: from client.posta.example (client.posta.example [192.0.2.10])${CRLF} by ${host} with ESMTPS; ${legalTime(at).header}`;
}
