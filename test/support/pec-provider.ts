/** What a gestore does with a message that was sent: receipts for the sender, the busta for each recipient. */
import { createGenerator, type TestAuthorities } from '../../src/pec/generator/index.ts';
import type { Dovecot } from './dovecot.ts';
import type { ReceivedMessage } from './smtp-upstream.ts';

export interface PecProviderOptions {
  readonly authorities: TestAuthorities;
  readonly dovecot: Pick<Dovecot, 'deliver'>;
  /** Addresses that have a mailbox on the Dovecot; all others are unknown, and end in an avviso. */
  readonly mailboxes: readonly string[];
}

/** Accepts, signs accettazione and consegna or avviso, and delivers them at once. */
export function pecProvider({ authorities, dovecot, mailboxes }: PecProviderOptions) {
  let seed = 0;
  return async ({ from, to, raw }: ReceivedMessage): Promise<void> => {
    const person = (address: string) => ({ name: address.slice(0, address.indexOf('@')), address });
    const generator = createGenerator({ authorities, seed: ++seed, mailbox: person(from) });
    const { accettazione, consegne, avvisi, busta } = generator.exchange({
      at: new Date(),
      from: person(from),
      to: to.map(person),
      subject: field(raw, 'subject'),
      text: raw.subarray(raw.indexOf('\r\n\r\n') + 4).toString('utf8'),
      messageId: field(raw, 'message-id'),
      deliveries: to.map(address => (mailboxes.includes(address) ? 'delivered' : 'no-mailbox')),
    });
    if (accettazione === null || busta === null) throw new Error('the message was not accepted');
    for (const receipt of [accettazione, ...consegne, ...avvisi]) await dovecot.deliver(from, 'INBOX', receipt.raw);
    for (const address of to.filter(recipient => mailboxes.includes(recipient))) {
      await dovecot.deliver(address, 'INBOX', busta.raw);
    }
  };
}

function field(raw: Buffer, name: string): string {
  const header = raw.subarray(0, raw.indexOf('\r\n\r\n')).toString('utf8');
  const found = new RegExp(`^${name}:[ \\t]*(.*)$`, 'im').exec(header)?.[1];
  if (found === undefined) throw new Error(`the message has no ${name}`);
  return found.trim();
}
