/** What a client may send that nobody meant: words of the protocol in any order, and octets. */
import fc from 'fast-check';
import { COMMANDS } from '../../src/imap/commands/index.ts';

const mailbox = fc.constantFrom(
  'INBOX',
  '"INBOX"',
  'Bozze',
  'Cestino',
  '"Posta inviata"',
  'Nessuna',
  'Archivio',
  '"Archivio/2026/01/Ordinaria"',
  '--ARCHIVIA--',
  'Conservazione',
  '{5+}\r\nINBOX',
  '{8+}\r\nArchivio',
  '{5}',
  '""',
  '&AGE-',
);
const set = fc.constantFrom('1', '1:*', '*', '2,1', '1:3', '0', '4294967296', '$', '99:100', '*:*');
const text = fc.constantFrom(
  '"x"',
  '{1+}\r\nx',
  '{3}',
  '~{2+}\r\n\0\0',
  '"{5}"',
  '"\\""',
  '(',
  ')',
  '((',
  'NIL',
  '"',
  '%',
  '*',
);
const items = fc.constantFrom(
  'FLAGS',
  '(UID FLAGS)',
  'BODY[]',
  'BODY.PEEK[]<0.10>',
  '(BODY.PEEK[1.MIME] ENVELOPE BODYSTRUCTURE)',
  'BINARY.PEEK[1]',
  'BODY[HEADER.FIELDS (A {1+}\r\nb)]',
  '+FLAGS (\\Seen)',
  '-FLAGS.SILENT (\\Deleted)',
  'FLAGS ($X \\Flagged)',
);
const criteria = fc.constantFrom(
  'ALL',
  'NOT SEEN',
  'OR ALL BODY "x"',
  'CHARSET UTF-8 TEXT {2+}\r\n\xc3\xa8',
  'RETURN (SAVE) ALL',
  'RETURN (MIN COUNT) UNSEEN',
  'HEADER Subject ""',
  'SINCE 1-Jan-2026',
  'UID 1:*',
);
const other = fc.constantFrom(
  '(QRESYNC (1 1))',
  '(CONDSTORE)',
  '(CHANGEDSINCE 0)',
  '(UNCHANGEDSINCE 1)',
  'QRESYNC CONDSTORE',
  'UTF8=ACCEPT',
  'REFERENCES UTF-8 ALL',
  '(SUBJECT) UTF-8 ALL',
  '(MESSAGES UNSEEN HIGHESTMODSEQ)',
  'RETURN (STATUS (MESSAGES) SPECIAL-USE)',
  'SET (SELECTED (MessageNew MessageExpunge))',
  '("name" "x")',
  'DEFLATE',
  'PLAIN =',
  'DONE',
);
const noise = fc.oneof(
  fc.string({ maxLength: 8 }),
  fc.nat().map(String),
  fc.constantFrom('\r\n', '\n', '\r', '\0', '\x7f', '\xff', ' '),
);

/** A command that could be meant, most often. */
const command = fc
  .tuple(
    fc.constantFrom(...COMMANDS.keys(), 'XLIST', 'GETACL', 'SETQUOTA', 'X'),
    fc.array(
      fc.oneof(
        { weight: 4, arbitrary: mailbox },
        { weight: 4, arbitrary: set },
        { weight: 3, arbitrary: items },
        { weight: 3, arbitrary: criteria },
        { weight: 2, arbitrary: other },
        { weight: 2, arbitrary: text },
        { weight: 1, arbitrary: noise },
      ),
      { maxLength: 4 },
    ),
  )
  .map(([name, parts]) => [name, ...parts].join(' '));

/** Commands whose arguments are in order, so that they get somewhere. */
const sound = fc.oneof(
  fc
    .tuple(fc.constantFrom('SELECT', 'EXAMINE', 'STATUS', 'CREATE', 'SUBSCRIBE', 'GETQUOTAROOT', 'MYRIGHTS'), mailbox)
    .map(([name, box]) => `${name} ${box}${name === 'STATUS' ? ' (MESSAGES UNSEEN)' : ''}`),
  fc.tuple(fc.constantFrom('', 'UID '), fc.constantFrom('COPY', 'MOVE'), set, mailbox).map(parts => {
    const [uid, name, numbers, box] = parts;
    return `${uid}${name} ${numbers} ${box}`;
  }),
  fc.tuple(fc.constantFrom('', 'UID '), fc.constantFrom('FETCH', 'STORE'), set, items).map(parts => {
    const [uid, name, numbers, what] = parts;
    return `${uid}${name} ${numbers} ${what}`;
  }),
  fc.tuple(fc.constantFrom('SEARCH ', 'UID SEARCH '), criteria).map(parts => parts.join('')),
  fc
    .tuple(mailbox, fc.constantFrom('{4+}\r\na:b\n', '(\\Seen) {4}', '{3+}\r\nabc {3+}\r\nabc', '(', '"x" {0+}\r\n'))
    .map(([box, rest]) => `APPEND ${box} ${rest}`),
  fc.constantFrom('NOOP', 'CLOSE', 'UNSELECT', 'EXPUNGE', 'CHECK', 'IDLE', 'IDLE\r\nDONE', 'LIST "" "*"', 'LSUB "" %'),
);

const octets = fc.uint8Array({ maxLength: 60 }).map(bytes => Buffer.from(bytes).toString('latin1'));

const tag = fc.oneof(
  { weight: 10, arbitrary: fc.constant('a') },
  { weight: 1, arbitrary: fc.constantFrom('', '*', '+', 'A1', 'x'.repeat(200)) },
);

/** Some lines, and how they are cut into writes: octets each, 0 for all at once. */
export const input: fc.Arbitrary<{ readonly lines: readonly string[]; readonly cut: number }> = fc.record({
  lines: fc.array(
    fc.oneof(
      { weight: 5, arbitrary: fc.tuple(tag, sound).map(parts => parts.join(' ')) },
      { weight: 5, arbitrary: fc.tuple(tag, command).map(parts => parts.join(' ')) },
      { weight: 1, arbitrary: octets },
    ),
    { minLength: 1, maxLength: 6 },
  ),
  cut: fc.constantFrom(0, 0, 1, 7),
});
