import { randomBytes } from 'node:crypto';
import { Duplex } from 'node:stream';
import { expect, it } from 'vitest';
import { OutgoingBlocks } from '../../src/imap/wire/blocks.ts';

/** A socket that looks at what it was given only when it has sent it. */
function lateSocket(heard: Buffer[]): Duplex {
  return new Duplex({
    read: () => {},
    write: (chunk: Buffer, _encoding, done) => {
      setImmediate(() => {
        heard.push(Buffer.from(chunk));
        done();
      });
    },
  });
}

it('octets arrive as they were written, though the memory that held them is used again at once', async () => {
  const ways = Array.from({ length: 3 }, () => {
    const heard: Buffer[] = [];
    return { heard, socket: lateSocket(heard), blocks: new OutgoingBlocks(), written: [] as Buffer[] };
  });
  // One whose write never ends, and which fails: what it was given stays as it is.
  const stuck: Buffer[] = [];
  const failing = new Duplex({ read: () => {}, write: chunk => void stuck.push(chunk) });
  const given = randomBytes(30_000);
  const abandoned = new OutgoingBlocks();
  abandoned.write(failing, given);
  abandoned.write(failing, given);
  failing.on('error', () => {});
  failing.destroy(new Error('gone'));

  const shared = Buffer.alloc(200_000);
  for (let turn = 0; turn < 300; turn++) {
    const way = ways[turn % ways.length];
    if (way === undefined) throw new Error('no way');
    const octets = randomBytes(turn % 7 === 0 ? (turn * 7_919) % 200_000 : (turn * 104_729) % 9_000);
    octets.copy(shared);
    const open = way.blocks.write(way.socket, shared.subarray(0, octets.length));
    shared.fill(0);
    way.written.push(octets);
    if (!open) await new Promise(resolve => way.socket.once('drain', resolve));
  }
  for (const { heard, socket, written } of ways) {
    await new Promise<void>(resolve => socket.end(resolve));
    expect(Buffer.concat(heard).equals(Buffer.concat(written))).toBe(true);
  }
  expect(stuck).toHaveLength(1);
  expect(stuck[0]?.equals(given)).toBe(true);
});
