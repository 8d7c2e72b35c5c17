import { beforeAll, describe, expect, it } from 'vitest';
import { describeMessage } from '../../src/mime/index.ts';
import { type ExchangePart, exchangePart, exchangeState } from '../../src/pec/exchange.ts';
import {
  createGenerator,
  createTestAuthorities,
  type GeneratedMessage,
  type TestAuthorities,
} from '../../src/pec/generator/index.ts';
import { OUTSIDER } from '../../src/pec/generator/texts.ts';
import { classifyMessage, verifySignature } from '../../src/pec/index.ts';

const now = new Date('2026-06-15T10:00:00Z');
const mailbox = { name: 'Mario Rossi', address: 'mario.rossi@pec.example.it' };
type PecGenerator = ReturnType<typeof createGenerator>;

const HOUR = 3_600_000;
let authorities: TestAuthorities;
let strangers: TestAuthorities;
beforeAll(async () => {
  authorities = await createTestAuthorities({ now });
  strangers = await createTestAuthorities({ now: new Date(now.getTime() + 1000) });
});

const generator = (made = authorities): PecGenerator => createGenerator({ authorities: made, seed: 11, mailbox, now });

function part({ raw, internalDate }: Pick<GeneratedMessage, 'raw' | 'internalDate'>): ExchangePart {
  const structure = describeMessage(raw);
  const made = exchangePart(
    classifyMessage(raw, structure.root),
    verifySignature(raw, structure.root, { anchors: authorities.anchors, at: now.getTime() }),
    {
      from: structure.from[0]?.address ?? null,
      recipients: [...structure.to, ...structure.cc].map(({ address }) => address),
      messageId: structure.messageId,
      at: structure.sentAt ?? internalDate.getTime(),
    },
  );
  if (made === null) throw new Error('no part of an exchange');
  return made;
}

describe('exchange', () => {
  it('says the same in whatever order its parts came', () => {
    const made = generator();
    const [studio, bianchi, comune] = made.others;
    if (!studio || !bianchi || !comune) throw new Error('nobody');
    const exchange = made.exchange({ to: [studio, bianchi, comune], deliveries: ['delivered', 'no-mailbox', 'late'] });
    const sent = part(exchange.sent);
    const parts = [exchange.accettazione, ...exchange.consegne, ...exchange.avvisi].flatMap(one => one && part(one));
    const { receipts, ...told } = exchangeState(sent, parts as ExchangePart[], now.getTime());
    expect(told).toMatchObject({ acceptance: 'accepted', state: 'failed' });
    expect(told.recipients.map(({ address, state, certified }) => [address, state, certified])).toEqual([
      [studio.address, 'delivered', true],
      [bianchi.address, 'failed', true],
      [comune.address, 'failed', true],
    ]);
    expect(receipts).toHaveLength(5);
    for (let turn = 0; turn < parts.length; turn++) {
      parts.push(...parts.splice(0, 1));
      const { receipts: _, ...again } = exchangeState(sent, parts.toReversed() as ExchangePart[], now.getTime());
      expect(again).toEqual(told);
    }
  });

  it('waits, is overdue after a day, and is delivered when every certified mailbox has it', () => {
    const made = generator();
    const [studio, bianchi] = made.others;
    if (!studio || !bianchi) throw new Error('nobody');
    const exchange = made.exchange({ to: [studio, bianchi, OUTSIDER] });
    const [sent, accepted] = [part(exchange.sent), part(exchange.accettazione ?? exchange.sent)];
    const at = accepted.at;
    expect(exchangeState(sent, [], at)).toMatchObject({ state: 'waiting', acceptance: 'unknown', acceptedAt: null });
    expect(exchangeState(sent, [accepted], at + 24 * HOUR - 1)).toMatchObject({
      state: 'waiting',
      dueAt: at + 24 * HOUR,
    });
    expect(exchangeState(sent, [accepted], at + 24 * HOUR).state).toBe('overdue');
    const consegne = exchange.consegne.map(part);
    expect(exchangeState(sent, [accepted, ...consegne.slice(0, 1)], at + HOUR).state).toBe('waiting');
    expect(exchangeState(sent, [accepted, ...consegne.slice(0, 2)], at + 30 * HOUR).state).toBe('delivered');
    // A delivery stands for the acceptance that is missing.
    expect(exchangeState(sent, consegne.slice(0, 1), at).acceptance).toBe('accepted');
  });

  it('tells the first notice of a delay from the final one, by the text or by the clock', () => {
    const exchange = generator().exchange({ deliveries: ['late'] });
    const [first, final] = exchange.avvisi.map(part);
    const [sent, accepted] = [part(exchange.sent), part(exchange.accettazione ?? exchange.sent)];
    if (!first || !final) throw new Error('no notices');
    expect([first.notice, final.notice]).toEqual(['12h', '24h']);
    const stateOf = (notice: ExchangePart) => exchangeState(sent, [accepted, notice], notice.at);
    expect(stateOf(first)).toMatchObject({ state: 'waiting', recipients: [{ state: 'delayed', at: first.at }] });
    expect(stateOf(final)).toMatchObject({ state: 'failed', recipients: [{ state: 'failed', at: final.at }] });
    expect(stateOf({ ...first, notice: null }).recipients[0]?.state).toBe('delayed');
    expect(stateOf({ ...final, notice: null }).recipients[0]?.state).toBe('failed');
  });

  it('fails for all when it is refused', () => {
    const exchange = generator().exchange({ acceptance: 'refused' });
    expect(exchangeState(part(exchange.sent), exchange.avvisi.map(part), now.getTime())).toMatchObject({
      acceptance: 'refused',
      state: 'failed',
      recipients: [{ state: 'failed', error: '5.7.0 - il campo Bcc non è ammesso' }],
    });
  });

  it('believes no receipt that is forged, tampered with, unsigned, or about another sender', () => {
    const exchange = generator().exchange({});
    const [consegna] = exchange.consegne;
    if (!consegna) throw new Error('no consegna');
    const sent = part(exchange.sent);
    const good = part(consegna);
    const state = (receipt: ExchangePart) => exchangeState(sent, [receipt], sent.at + HOUR).state;
    expect(state(good)).toBe('delivered');
    // The same seed makes the same traffic, signed by authorities that nobody believes.
    const forged = part(generator(strangers).exchange({}).consegne[0] ?? consegna);
    expect(forged).toMatchObject({ trusted: false, msgid: good.msgid, recipient: good.recipient });
    const text = consegna.raw.toString('latin1');
    const changed = { ...consegna, raw: Buffer.from(text.replace('consegnato', 'consegnata'), 'latin1') };
    const unsigned = { ...consegna, raw: Buffer.from(text.replace('multipart/signed', 'multipart/mixed'), 'latin1') };
    expect(part(changed).trusted).toBe(false);
    expect(
      exchangePart(
        classifyMessage(unsigned.raw, describeMessage(unsigned.raw).root),
        { status: 'none', signer: null },
        {
          from: null,
          recipients: [],
          messageId: null,
          at: 0,
        },
      )?.trusted ?? false,
    ).toBe(false);
    for (const receipt of [forged, part(changed), { ...good, sender: 'altri@pec.example.it' }]) {
      expect(state(receipt)).toBe('waiting');
    }
  });
});
