import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { assertFor } from '../support/fuzz.ts';
import { type Client, Engine, message, type TestAccount } from './support/engine.ts';

/** Several sessions on one mailbox: whatever they do, each client's own arithmetic leads to the same mailbox. */

let engine: Engine;
beforeAll(async () => {
  engine = await Engine.start();
});
afterAll(() => engine.stop());

/** What a client makes of the responses that it gets, by the rules of RFC 3501 alone. */
class Mirror {
  readonly client: Client;
  /** Flags by sequence number - 1; null where not known. */
  messages: (string | null)[] = [];

  constructor(client: Client) {
    this.client = client;
  }

  async select(): Promise<void> {
    this.messages = [];
    await this.run('SELECT INBOX');
  }

  /** @param expunges whether the command may shift numbers */
  async run(command: string, expunges = true): Promise<string> {
    const lines = await this.client.run(command);
    for (const line of lines.slice(0, -1)) this.#take(line, expunges);
    return lines.at(-1) ?? '';
  }

  #take(line: string, expunges: boolean): void {
    const [, number = '', word = '', rest = ''] = /^\* (\d+) (EXISTS|EXPUNGE|FETCH) ?(.*)$/s.exec(line) ?? [];
    const value = Number(number);
    if (word === 'EXPUNGE') {
      expect(expunges, `EXPUNGE out of turn: ${line}`).toBe(true);
      expect(value, line).toBeLessThanOrEqual(this.messages.length);
      this.messages.splice(value - 1, 1);
    } else if (word === 'EXISTS' && !(value === 0 && this.messages.length === 0)) {
      // EXISTS only ever tells of growth.
      expect(value, line).toBeGreaterThan(this.messages.length);
      while (this.messages.length < value) this.messages.push(null);
    } else if (word === 'FETCH') {
      expect(value, line).toBeLessThanOrEqual(this.messages.length);
      const flags = /FLAGS \(([^)]*)\)/.exec(rest)?.[1];
      if (flags !== undefined) this.messages[value - 1] = flags.split(' ').sort().join(' ');
    }
  }
}

type Step =
  | { readonly kind: 'append' | 'noop' | 'expunge' | 'check' | 'fetch'; readonly who: number }
  | { readonly kind: 'store'; readonly who: number; readonly at: number; readonly change: string }
  | { readonly kind: 'move'; readonly who: number; readonly at: number };

const who = fc.nat({ max: 2 });
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constantFrom('append', 'noop', 'expunge', 'check', 'fetch'), who }),
  fc.record({
    kind: fc.constant('store'),
    who,
    at: fc.nat({ max: 9 }),
    change: fc.constantFrom(
      '+FLAGS (\\Deleted)',
      '+FLAGS.SILENT (\\Deleted)',
      '-FLAGS (\\Seen)',
      'FLAGS (\\Flagged $Uno)',
    ),
  }),
  fc.record({ kind: fc.constant('move'), who, at: fc.nat({ max: 9 }) }),
);

async function perform(account: TestAccount, mirror: Mirror, action: Step, counter: number): Promise<void> {
  const number = 'at' in action ? (action.at % Math.max(1, mirror.messages.length)) + 1 : 0;
  switch (action.kind) {
    case 'append':
      await account.deliver('INBOX', message(`messaggio ${counter}`));
      return;
    case 'fetch':
      if (mirror.messages.length > 0) await mirror.run('FETCH 1:* (UID FLAGS)', false);
      return;
    case 'store':
      if (mirror.messages.length === 0) return;
      await mirror.run(`STORE ${number} ${action.change}`, false);
      // What it is not told it does not know.
      if (action.change.includes('SILENT')) mirror.messages[number - 1] = null;
      return;
    case 'move':
      if (mirror.messages.length > 0) await mirror.run(`MOVE ${number} Altra`);
      return;
    default:
      await mirror.run(action.kind.toUpperCase());
  }
}

it('every session arrives at the same mailbox', async () => {
  let counter = 0;
  await assertFor(
    8_000,
    fc.asyncProperty(fc.array(step, { minLength: 8, maxLength: 40 }), fc.boolean(), async (steps, parallel) => {
      const account = await engine.account();
      const clients = await Promise.all([account.login(), account.login(), account.login()]);
      try {
        await clients[0]?.ok('CREATE Altra');
        for (let index = 0; index < 6; index++) await account.deliver('INBOX', message(`prima ${index}`));
        const mirrors = clients.map(client => new Mirror(client));
        for (const mirror of mirrors) await mirror.select();
        const run = async (own: readonly Step[]) => {
          for (const action of own) {
            const mirror = mirrors[action.who];
            if (mirror !== undefined) await perform(account, mirror, action, ++counter);
          }
        };
        // One after the other, or each client's steps at the same time as the others'.
        if (parallel) await Promise.all([0, 1, 2].map(index => run(steps.filter(action => action.who === index))));
        else await run(steps);
        const fresh = new Mirror(await account.login());
        await fresh.select();
        const truth = await fresh.client.data('UID SEARCH ALL');
        if (fresh.messages.length > 0) await fresh.run('FETCH 1:* FLAGS');
        for (const mirror of mirrors) {
          await mirror.run('NOOP');
          expect(mirror.messages.length).toBe(fresh.messages.length);
          expect(await mirror.client.data('UID SEARCH ALL')).toEqual(truth);
          // Flags that a client has been told are the flags that are.
          for (const [index, flags] of mirror.messages.entries()) {
            if (flags !== null) expect(flags).toBe(fresh.messages[index]);
          }
        }
        fresh.client.close();
      } finally {
        for (const client of clients) client.close();
      }
    }),
  );
  expect(engine.errors).toEqual([]);
});
