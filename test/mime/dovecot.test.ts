import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bodyOf, describeMessage, filterHeader, locatePart, scanMessage, sectionRange } from '../../src/mime/index.ts';
import type { MimeNode } from '../../src/mime/types.ts';
import type { Sample } from './corpus.ts';
import { Dovecot } from './dovecot.ts';
import { treeArbitrary, writeTree } from './generated.ts';
import { ImapReader, type ImapValue } from './imap-reader.ts';
import { ODD } from './odd-messages.ts';
import { SANE } from './sane-messages.ts';

const SAMPLES: readonly Sample[] = [...SANE, ...ODD];
let dovecot: Dovecot;

beforeAll(async () => {
  dovecot = await Dovecot.start(SAMPLES.map(({ raw }) => raw));
});

afterAll(async () => {
  await dovecot?.close();
});

/** Media types, encodings and parameter names are case-insensitive; all samples can be told apart in lower case. */
function comparable(value: ImapValue | undefined): string {
  return JSON.stringify(value).toLowerCase();
}

describe.each(SAMPLES.map((sample, index) => ({ ...sample, sequence: index + 1 })))('$name', sample => {
  test('ENVELOPE, BODY and BODYSTRUCTURE against Dovecot', async () => {
    const theirs = await dovecot.fetch(sample.sequence, 'ENVELOPE BODY BODYSTRUCTURE');
    const { envelope, bodyStructure } = describeMessage(sample.raw);
    const ours = [envelope, bodyOf(bodyStructure), bodyStructure].map(text => comparable(new ImapReader(text).value()));
    const expected = ['ENVELOPE', 'BODY', 'BODYSTRUCTURE'].map(name => comparable(theirs.get(name)));
    if (sample.differs === undefined) expect(ours).toEqual(expected);
    else expect(ours, `no longer differs: ${sample.differs}`).not.toEqual(expected);
  });
});

test('generated messages against Dovecot', async () => {
  const messages = fc
    .sample(treeArbitrary, { seed: 20261121, numRuns: 200 })
    .map(tree => Buffer.from(`From: a@b.example\r\nMIME-Version: 1.0\r\n${writeTree(tree).raw}`, 'latin1'));
  const server = await Dovecot.start(messages);
  try {
    for (const [index, raw] of messages.entries()) {
      const theirs = await server.fetch(index + 1, 'ENVELOPE BODY BODYSTRUCTURE');
      const { envelope, bodyStructure } = describeMessage(raw);
      const ours = [envelope, bodyOf(bodyStructure), bodyStructure].map(text =>
        comparable(new ImapReader(text).value()),
      );
      expect(ours, raw.toString('latin1')).toEqual(
        ['ENVELOPE', 'BODY', 'BODYSTRUCTURE'].map(name => comparable(theirs.get(name))),
      );
    }
  } finally {
    await server.close();
  }
});

/** Every part's number, depth first (RFC 3501 section 6.4.5). */
function partNumbers(node: MimeNode, prefix: readonly number[] = []): number[][] {
  const message = prefix.length > 0 && node.type === 'message' ? node.children[0] : undefined;
  if (message) return partNumbers(message, prefix);
  if (node.type !== 'multipart') return [[...prefix, 1]];
  return node.children.flatMap((child, index) => {
    const number = [...prefix, index + 1];
    return child.type === 'multipart' || child.type === 'message' ? [number, ...partNumbers(child, number)] : [number];
  });
}

function slice(raw: Buffer, range: { start: number; end: number } | null): string | null {
  return range && raw.toString('latin1', range.start, range.end);
}

describe.each(SANE.map((sample, index) => ({ ...sample, sequence: index + 1 })))(
  'sections of: $name',
  ({ raw, sequence }) => {
    const root = scanMessage(raw);

    test('BODY[] and its HEADER and TEXT', async () => {
      const theirs = await dovecot.fetch(sequence, 'BODY.PEEK[] BODY.PEEK[HEADER] BODY.PEEK[TEXT]');
      expect(slice(raw, sectionRange(root, { part: [] }))).toBe(theirs.get('BODY[]'));
      expect(slice(raw, sectionRange(root, { part: [], text: 'HEADER' }))).toBe(theirs.get('BODY[HEADER]'));
      expect(slice(raw, sectionRange(root, { part: [], text: 'TEXT' }))).toBe(theirs.get('BODY[TEXT]'));
    });

    test('every part, its MIME header, HEADER and TEXT', async () => {
      for (const part of partNumbers(root)) {
        const number = part.join('.');
        const names = ['', '.MIME', '.HEADER', '.TEXT'];
        const theirs = await dovecot.fetch(sequence, names.map(name => `BODY.PEEK[${number}${name}]`).join(' '));
        const ours = ([undefined, 'MIME', 'HEADER', 'TEXT'] as const).map(text =>
          slice(raw, sectionRange(root, { part, text })),
        );
        expect(ours, number).toEqual(names.map(name => theirs.get(`BODY[${number}${name}]`)));
      }
    });

    test('parts that do not exist', async () => {
      for (const part of [[99], [1, 1, 1, 1, 1, 1]]) {
        const theirs = await dovecot.fetch(sequence, `BODY.PEEK[${part.join('.')}]`);
        expect(locatePart(root, part), part.join('.')).toBe(null);
        // NIL says the same more clearly; RFC 3501 leaves it open.
        expect(theirs.get(`BODY[${part.join('.')}]`)).toBe('');
      }
    });

    test('HEADER.FIELDS and HEADER.FIELDS.NOT', async () => {
      const fields = ['subject', 'FROM', 'X-Manca', 'content-type'];
      const header = raw.subarray(root.headerStart, root.bodyStart);
      for (const name of ['HEADER.FIELDS', 'HEADER.FIELDS.NOT']) {
        const section = `${name} (${fields.join(' ')})`;
        const theirs = await dovecot.fetch(sequence, `BODY.PEEK[${section}]`);
        const ours = Buffer.from(filterHeader(header, fields, name.endsWith('NOT'))).toString('latin1');
        expect(ours).toBe([...theirs.values()].at(-1));
      }
    });
  },
);
