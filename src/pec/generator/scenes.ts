/** Ready-made traffic: one of everything for the demo and the tests, any number for the benchmarks. */
import type { Exchange, GeneratedMessage, MessageOptions, PecGenerator } from './generator.ts';
import { letter } from './texts.ts';

/** What arrives or is kept at the mailbox of an exchange: all but the busta, which the others get. */
function atSender(exchange: Exchange): GeneratedMessage[] {
  const { sent, accettazione, consegne, avvisi } = exchange;
  return [sent, ...(accettazione === null ? [] : [accettazione]), ...consegne, ...avvisi];
}

function byDate(messages: GeneratedMessage[]): GeneratedMessage[] {
  return messages.sort((a, b) => a.internalDate.getTime() - b.internalDate.getTime());
}

/** One or more of every kind that reaches a user, over some two years, oldest first. */
export function every(generator: PecGenerator): GeneratedMessage[] {
  const { attachments } = generator;
  const [studio, bianchi, comune, verdi, impresa, tribunale] = generator.others;
  if (!studio || !bianchi || !comune || !verdi || !impresa || !tribunale) throw new RangeError('nobody to write to');
  const at = (days: number) => generator.daysAgo(days);
  const exchanges = [
    generator.exchange({
      at: at(430),
      to: [bianchi],
      subject: 'Diffida ad adempiere',
      attachments: [attachments.pdf()],
    }),
    generator.exchange({
      at: at(200),
      to: [comune, impresa],
      receiptType: 'breve',
      subject: 'Istanza di accesso agli atti: società e attività',
      attachments: attachments.every(),
      deliveries: ['delivered', 'no-mailbox'],
    }),
    generator.exchange({ at: at(35), to: [tribunale], cc: [verdi], receiptType: 'sintetica' }),
    generator.exchange({ at: at(95), to: [impresa], deliveries: ['virus'] }),
    generator.exchange({ at: at(64), to: [verdi], deliveries: ['late'] }),
    generator.exchange({ at: at(160), acceptance: 'refused' }),
    generator.exchange({ at: at(12), acceptance: 'refused-virus' }),
    generator.exchange({ at: at(3), to: [studio], attachments: [attachments.pdf()] }),
  ];
  return byDate([
    ...exchanges.flatMap(atSender),
    // Older than the gestori's present certificates.
    generator.incoming({ at: at(800), from: studio }),
    generator.incoming({ at: at(425), from: bianchi, subject: 'Re: Diffida ad adempiere' }),
    generator.incoming({ at: at(198), from: comune, attachments: attachments.every(), receiptType: 'completa' }),
    generator.incoming({ at: at(31), from: tribunale, receiptType: 'breve', attachments: [attachments.pdf()] }),
    generator.incoming({ at: at(2), from: impresa }),
    generator.anomaly({ at: at(90) }),
    generator.ordinary({ at: at(45), subject: 'La casella è piena all’80%' }),
  ]);
}

export interface CorpusOptions {
  /** Octets of a message, on average; 20,000 when absent. Below 7,000 no attachment is small enough. */
  readonly meanSize?: number;
  /** Share of messages with content that carry a file; 0.3 when absent. */
  readonly attachmentRatio?: number;
}

const DAY = 86_400_000;
const SPAN = 730 * DAY;

export function* corpus(
  generator: PecGenerator,
  count: number,
  options: CorpusOptions,
): Generator<GeneratedMessage, void> {
  const { random } = generator;
  const { meanSize = 20_000, attachmentRatio: ratio = 0.3 } = options;
  const attachments = generator.attachmentPool(meanAttachment(meanSize, ratio));
  // Few letters, used often: what is new in a message of a corpus is its header, its ids and its file.
  const letters = Array.from({ length: 64 }, () => letter(random, random.around(700), generator.mailbox.name));
  let made = 0;
  while (made < count) {
    const at = new Date(generator.now.getTime() - SPAN + Math.floor((made / count) * (SPAN - 2 * DAY)));
    at.setUTCMilliseconds(0);
    const content = { at, text: random.pick(letters), attachments: random.chance(ratio) ? [attachments.any()] : [] };
    for (const message of scene(generator, content)) {
      if (made++ === count) return;
      yield message;
    }
  }
}

function scene(generator: PecGenerator, content: MessageOptions): GeneratedMessage[] {
  const { random } = generator;
  const dice = random.next();
  if (dice < 0.55) return [generator.incoming(content)];
  if (dice < 0.6) return [generator.ordinary(content)];
  if (dice < 0.62) return [generator.anomaly(content)];
  const receiptType = random.chance(0.8) ? 'completa' : random.pick(['breve', 'sintetica'] as const);
  const delivery = random.chance(0.95) ? 'delivered' : random.pick(['no-mailbox', 'virus', 'late'] as const);
  return atSender(generator.exchange({ ...content, receiptType, deliveries: [delivery] }));
}

/** Octets of a PDF before base64 with which a corpus comes to a mean message size. */
function meanAttachment(meanSize: number, attachmentRatio: number): number {
  // Headers, texts and signatures of a message, and the share of messages that carry the content.
  const overhead = 6500;
  const carrying = 0.75;
  // Seven files in ten are PDFs; the others are small.
  const perFile = (meanSize - overhead) / (carrying * attachmentRatio * 0.7 * 1.37);
  return Math.max(1500, perFile);
}
