import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { RecordCipher } from '../../src/store/crypto/record-cipher.ts';
import { segmentPath } from '../../src/store/segment/files.ts';
import { encodeHeader, KIND_PIECE, pack, RECORD_HEADER_BYTES } from '../../src/store/segment/format.ts';
import { makePieceCache, PieceReader, type PieceRow } from '../../src/store/segment/pieces.ts';
import { Segments } from '../../src/store/segment/segments.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../support/temp.ts';

const text = (number: number, lines: number) => Buffer.from(`parte ${number}, una riga di prova\r\n`.repeat(lines));
/** Small and compressed, large and compressed, as they are, empty; one larger than what is read at once. */
const CONTENTS = [
  ...Array.from({ length: 30 }, (_, number) => text(number, 20 + number)),
  text(30, 2_000),
  randomBytes(40_000),
  randomBytes(300_000),
  Buffer.alloc(0),
  text(34, 50),
];

const cipher = new RecordCipher(randomBytes(32));
let directory: TemporaryDirectory;
let segments: Segments;
let rows: PieceRow[];
let sound: Buffer;

beforeAll(async () => {
  directory = await temporaryDirectory('pieces');
  segments = new Segments(directory.path, { number: 1, length: 0 }, cipher);
  const records = CONTENTS.map(content => ({ kind: KIND_PIECE, packed: pack(content) }));
  const places = segments.append(records);
  rows = records.map(({ packed: { sha256, scheme, length } }, index) => {
    const place = places[index];
    if (!place) throw new Error('not written');
    return { id: index + 1, sha256, scheme, length, ...place };
  });
  sound = readFileSync(segmentPath(directory.path, 1));
});
beforeEach(() => writeFileSync(segmentPath(directory.path, 1), sound));
afterAll(async () => {
  segments.close();
  await directory.remove();
});

function reader(cacheBytes = 1e6): PieceReader {
  return new PieceReader('a', segments, makePieceCache(cacheBytes), piece => rows[piece - 1]);
}

/** What can be read of each piece, one by one and read ahead. */
function readable(): { readonly alone: boolean[]; readonly ahead: boolean[] } {
  const pieces = reader();
  pieces.readAhead(rows.toReversed());
  const right = (content: Uint8Array | null, index: number) => {
    if (content !== null) expect(Buffer.from(content).equals(CONTENTS[index] ?? Buffer.alloc(0))).toBe(true);
    return content !== null;
  };
  const read = (id: number): Uint8Array | null => {
    try {
      return pieces.read(id);
    } catch (error) {
      expect(error).toMatchObject({ code: 'CORRUPTION' });
      return null;
    }
  };
  return {
    alone: rows.map((row, index) => right(reader().openRow(row), index)),
    ahead: rows.map((row, index) => right(read(row.id), index)),
  };
}

const allBut = (...damaged: number[]) => CONTENTS.map((_, index) => !damaged.includes(index));

function write(octets: Uint8Array, at: number): void {
  const changed = Buffer.from(sound);
  changed.set(octets, at);
  writeFileSync(segmentPath(directory.path, 1), changed);
}

describe('pieces on disk', () => {
  it('come as they are, one by one and read ahead', () => {
    expect(readable()).toEqual({ alone: allBut(), ahead: allBut() });
  });

  it('are read again when there was no room for them, and their memory is freed until then', () => {
    const pieces = reader(310_000);
    const octets = (id: number) => Buffer.from(pieces.read(id));
    const large = pieces.read(33);
    expect(octets(33).equals(CONTENTS[32] ?? large)).toBe(true);
    for (const [index, content] of CONTENTS.entries()) expect(octets(index + 1).equals(content)).toBe(true);
    expect(large.length).toBe(0);
    expect(octets(33).equals(CONTENTS[32] ?? large)).toBe(true);
    expect(octets(1).equals(CONTENTS[0] ?? large)).toBe(true);
  });

  it('are not served with any octet changed, and do not harm their neighbours', () => {
    for (const index of [0, 12, 31, 34]) {
      const { offset, stored } = rows[index] as PieceRow;
      const end = RECORD_HEADER_BYTES + stored;
      for (const at of [0, 4, 5, 8, 12, 16, RECORD_HEADER_BYTES, RECORD_HEADER_BYTES + 12, end >> 1, end - 1]) {
        write(Uint8Array.of((sound[offset + at] ?? 0) ^ 1), offset + at);
        expect(readable(), `octet ${at} of piece ${index}`).toEqual({ alone: allBut(index), ahead: allBut(index) });
      }
    }
  });

  it('are not served from a sound record of that place with other content', () => {
    const index = 31;
    const row = rows[index] as PieceRow;
    const other = pack(randomBytes(row.length));
    const header = encodeHeader({ ...row, kind: KIND_PIECE });
    const sealed = Buffer.concat(cipher.seal(header, row, other.sha256, other.stored));
    expect(sealed.length).toBe(row.stored);
    write(sealed, row.offset + RECORD_HEADER_BYTES);
    expect(readable()).toEqual({ alone: allBut(index), ahead: allBut(index) });
  });

  it('are not served from the place of another, nor from beyond the end', () => {
    const [first, second] = [rows[3], rows[4]] as [PieceRow, PieceRow];
    write(sound.subarray(second.offset, second.offset + RECORD_HEADER_BYTES + second.stored), first.offset);
    const { alone, ahead } = readable();
    expect(alone[3]).toBe(false);
    expect(ahead).toEqual(alone);
    const last = rows.at(-1) as PieceRow;
    writeFileSync(segmentPath(directory.path, 1), sound.subarray(0, last.offset + 10));
    expect(readable()).toEqual({ alone: allBut(34), ahead: allBut(34) });
  });
});
