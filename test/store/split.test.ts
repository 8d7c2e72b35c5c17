import { describe, expect, it } from 'vitest';
import { createGenerator, createTestAuthorities, PEOPLE } from '../../src/pec/generator/index.ts';
import { prepare } from '../../src/store/ingest/prepare.ts';
import { writeRun } from '../../src/store/ingest/recipe.ts';
import { unpack } from '../../src/store/segment/format.ts';

describe('what receipts of one gestore are made of', () => {
  it('has the certificates of their signatures in common, and gives their octets back', async () => {
    const [mailbox] = PEOPLE;
    if (!mailbox) throw new Error('nobody');
    const generator = createGenerator({ authorities: await createTestAuthorities(), seed: 9, mailbox });
    const [first, second] = [generator.exchange(), generator.exchange()].map(({ accettazione }) => {
      if (!accettazione) throw new Error('not accepted');
      const { pieces, runs } = prepare(accettazione.raw, true);
      const contents = pieces.map(piece => unpack(piece, piece.stored) ?? new Uint8Array(0));
      const again = runs.map(run => writeRun(contents[run.piece] ?? new Uint8Array(0), run, 0, run.length));
      expect(Buffer.concat(again).equals(accettazione.raw)).toBe(true);
      return new Map(pieces.map(piece => [Buffer.from(piece.sha256).toString('hex'), piece.length]));
    });
    const common = [...(first ?? [])].filter(([sha256]) => second?.has(sha256));
    expect(common.length).toBe(1);
    expect(common[0]?.[1]).toBeGreaterThan(1000);
    // One for what they share, one for all the rest.
    expect(first?.size).toBe(2);
  });
});
