import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Disposition, ResponseSplitter } from '../../src/imap/relay/splitter.ts';

interface Seen {
  forwarded: string;
  decided: string[];
  sunk: string[];
  errors: Error[];
}

/** Splits `text` in the given pieces; lines that begin with `* SINK` go to a sink, `* DROP` nowhere. */
function split(text: string, sizes: number[], transparent: boolean): Seen {
  const seen: Seen = { forwarded: '', decided: [], sunk: [], errors: [] };
  const splitter = new ResponseSplitter({
    forward: octets => {
      seen.forwarded += octets.toString('latin1');
    },
    decide: (line): Disposition => {
      const first = line.toString('latin1');
      seen.decided.push(first);
      if (first.startsWith('* DROP')) return 'drop';
      if (!first.startsWith('* SINK')) return 'forward';
      let whole = '';
      return {
        line: (lineText, literal) => {
          whole += `${lineText.toString('latin1')}${literal === null ? '' : '\r\n'}`;
        },
        data: octets => {
          whole += octets.toString('latin1');
          return undefined;
        },
        end: () => {
          seen.sunk.push(whole);
          return undefined;
        },
      };
    },
    transparent: () => transparent,
    ready: () => {},
    failed: error => seen.errors.push(error),
  });
  const octets = Buffer.from(text, 'latin1');
  let at = 0;
  for (let turn = 0; at < octets.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1;
    splitter.push(octets.subarray(at, at + size));
    at += size;
  }
  return seen;
}

const HOSTILE = [
  '* 1 FETCH (BODY[] {23}\r\na1 OK FETCH completed\r\n)\r\n',
  '* 2 FETCH (FLAGS (\\Seen) BODY[TEXT] {0}\r\n UID 5)\r\n',
  '* 3 FETCH (X "{5}"\r\n',
  '* 4 FETCH (BINARY[1] ~{4}\r\n\0\r\n\0)\r\n',
  '* 5 FETCH (ENVELOPE (NIL {3}\r\na\r\n NIL {2}\r\n{9 NIL))\r\n',
  '* LIST (\\HasNoChildren) "/" {5}\r\n{3}\r\n\r\n',
  '* 6 EXPUNGE\n',
  'a1 OK done\r\n',
  '+ idling\r\n',
];
const SPECIAL = [
  '* DROP me {4}\r\n* 1 \r\n',
  '* SINK (BODY[] {7}\r\nx1 OK\r\n FLAGS ())\r\n',
  '* DROP\r\n',
  '* SINK\r\n',
];

describe('response splitter', () => {
  test('what is forwarded is every octet, wherever the network cuts', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...HOSTILE), { minLength: 1, maxLength: 12 }),
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 }),
        fc.boolean(),
        (responses, sizes, transparent) => {
          const text = responses.join('');
          const seen = split(text, sizes, transparent);
          expect(seen.errors).toEqual([]);
          expect(seen.forwarded).toBe(text);
        },
      ),
    );
  });

  test('dropped and captured responses leave no octet with the client, and literals are never taken for lines', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...HOSTILE, ...SPECIAL), { minLength: 1, maxLength: 12 }),
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 }),
        fc.boolean(),
        (responses, sizes, transparent) => {
          const seen = split(responses.join(''), sizes, transparent);
          expect(seen.forwarded).toBe(responses.filter(one => !SPECIAL.includes(one)).join(''));
          const captured = responses.filter(one => one.startsWith('* SINK')).map(one => one.replace(/\r\n$/, ''));
          expect(seen.sunk).toEqual(captured);
          const firstLines = responses.map(one => one.split(/\r?\n/)[0]);
          const asked = transparent ? firstLines.filter(line => !/^\* \d/.test(line ?? '')) : firstLines;
          expect(seen.decided).toEqual(asked);
        },
      ),
    );
  });

  test('an endless line is an error, not memory', () => {
    const seen = split(`* ${'x'.repeat(1_200_000)}`, [65_536], false);
    expect(seen.errors.map(error => error.message)).toEqual(['upstream line too long']);
  });

  test('a hold stops everything behind it until it is released', async () => {
    const order: string[] = [];
    const gate = Promise.withResolvers<void>();
    const splitter: ResponseSplitter = new ResponseSplitter({
      forward: octets => order.push(octets.toString('latin1').trim()),
      decide: (): Disposition => ({ line: () => {}, data: () => gate.promise, end: () => undefined }),
      transparent: () => true,
      ready: () => order.push('ready'),
      failed: error => order.push(String(error)),
    });
    splitter.push(Buffer.from('* SINK {3}\r\nabc\r\n* 1 EXISTS\r\n'));
    expect(splitter.held).toBe(true);
    expect(order).toEqual([]);
    gate.resolve();
    await new Promise(resolve => setImmediate(resolve));
    expect(order).toEqual(['* 1 EXISTS', 'ready']);
    expect(splitter.held).toBe(false);
  });
});
