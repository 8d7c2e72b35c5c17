import { beforeAll, describe, expect, it } from 'vitest';
import { describeMessage, scanMessage } from '../../src/mime/index.ts';
import { exchangePart, exchangeState } from '../../src/pec/exchange.ts';
import { createGenerator, createTestAuthorities } from '../../src/pec/generator/index.ts';
import { classifyMessage, inspectMessage, verifySignature } from '../../src/pec/index.ts';

const now = new Date('2026-06-15T10:00:00Z');
const mailbox = { name: 'Mario Rossi', address: 'mario.rossi@pec.example.it' };
let authorities: Awaited<ReturnType<typeof createTestAuthorities>>;
beforeAll(async () => {
  authorities = await createTestAuthorities({ now });
});

const generator = () => createGenerator({ authorities, seed: 21, mailbox, now });
const anchors = () => ({ anchors: authorities.anchors, at: now.getTime() });

function facts(raw: Uint8Array) {
  return classifyMessage(raw, scanMessage(raw));
}

function part(raw: Uint8Array, messageId: string | null = null) {
  const root = scanMessage(raw);
  const message = { from: mailbox.address, recipients: [], messageId, at: 0 };
  return exchangePart(classifyMessage(raw, root), verifySignature(raw, root, anchors()), message);
}

describe('REM', () => {
  it.each([
    ['SubmissionAcceptance', 'Ricevute'],
    ['SubmissionRejection', 'Avvisi'],
    ['RelayAcceptance', 'Ricevute'],
    ['RelayRejection', 'Avvisi'],
    ['RelayFailure', 'Avvisi'],
    ['ContentConsignment', 'Ricevute'],
    ['ContentConsignmentFailure', 'Avvisi'],
  ] as const)('%s is one of the %s, with its evidence read and its signature good', (event, category) => {
    const { raw } = generator().rem(event, { reason: 'R_ERDS_1' });
    const told = inspectMessage(raw, anchors());
    expect(told).toMatchObject({ family: 'rem', kind: 'rem', category, signature: { status: 'valid' } });
    expect(told.rem).toMatchObject({
      messageType: 'REM-Receipt',
      event,
      reason: 'R_ERDS_1',
      evidenceError: null,
      evidence: { event, reasons: ['R_ERDS_1'], sender: mailbox.address, signed: true },
    });
    expect(told.rem?.evidence?.id).toBe(told.rem?.evidenceId);
    expect(told.rem?.evidence?.issuer).toMatch(/^rem-service@gestore-/);
    expect(told.rem?.evidence?.recipients).toHaveLength(1);
  });

  it('a dispatch is a message received, with the original inside', () => {
    const made = generator();
    const [from] = made.others;
    if (!from) throw new Error('nobody');
    const { raw } = made.rem('ContentConsignment', { from });
    expect(facts(raw)).toMatchObject({ category: 'Ricevuti', rem: { messageType: 'REM-Dispatch' } });
    expect(inspectMessage(raw, anchors()).parts.map(({ type }) => type)).toContain('message/rfc822');
    expect(part(raw)).toBeNull();
  });

  it('evidence makes an exchange, unless it is altered or the header says something else', () => {
    const acceptance = generator().rem('SubmissionAcceptance').raw;
    const consignment = generator().rem('ContentConsignment').raw;
    const [accepted, consigned] = [part(acceptance), part(consignment)];
    const id = describeMessage(acceptance);
    expect(id.messageId).not.toBe(accepted?.msgid);
    const sent = exchangePart(
      facts(Buffer.from('Subject: x\r\n\r\n')),
      { status: 'none', signer: null },
      { from: mailbox.address, recipients: [], messageId: `<${accepted?.msgid}>`, at: accepted?.at ?? 0 },
    );
    if (!accepted || !consigned || !sent) throw new Error('no parts');
    expect(consigned.msgid).toBe(accepted.msgid);
    const state = (...parts: (typeof accepted)[]) => exchangeState(sent, parts, accepted.at + 1000).state;
    expect([state(accepted), state(accepted, consigned)]).toEqual(['waiting', 'delivered']);
    const text = consignment.toString('latin1');
    const altered = part(Buffer.from(text.replace('Evento ContentConsignment', 'Evento contentConsignment'), 'latin1'));
    expect(altered?.trusted).toBe(false);
    const relabelled = text.replace('Event/ContentConsignment', 'Event/ContentConsignmentFailure');
    expect(part(Buffer.from(relabelled, 'latin1'))).toBeNull();
  });

  it('evidence with a document type, or none at all, is told and breaks nothing', () => {
    const message = (xml: string) =>
      Buffer.from(
        [
          'REM-EventIdentifier: http://uri.etsi.org/19522/Event/RelayFailure',
          'Content-Type: multipart/mixed; boundary=b',
          '',
          '--b',
          'Content-Type: application/xml',
          'REM-Section-Type: rem_message/xml_evidence',
          '',
          xml,
          '--b--',
          '',
        ].join('\r\n'),
      );
    expect(facts(message('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>')).rem).toMatchObject({
      evidence: null,
      evidenceError: 'evidence: document type declarations are refused',
    });
    expect(facts(message('<a><b>')).rem?.evidenceError).toMatch(/^evidence: not well-formed/);
    expect(facts(Buffer.from('REM-MessageType: REM-Dispatch\r\n\r\n')).rem).toMatchObject({
      evidence: null,
      evidenceError: null,
    });
  });
});
