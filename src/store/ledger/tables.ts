/**
 * Which tables the ledger keeps, row by row, and which can be made again from the messages themselves. A table of the
 * schema is in one of the two lists.
 */

/** Names with the columns that identify a row; parents before children. */
export const LEDGERED: ReadonlyMap<string, readonly string[]> = new Map([
  ['setting', ['key']],
  ['piece', ['id']],
  ['message', ['id']],
  ['tree', ['id']],
  ['uidvalidity', ['rowid']],
  ['leaf', ['id']],
  ['entry', ['tree', 'uid']],
  ['expunged', ['tree', 'modseq', 'uid']],
  ['keyword', ['id']],
  ['subscription', ['view']],
  ['cursor', ['folder']],
  ['queue', ['position']],
  ['refusal', ['message']],
  ['distribution', ['id']],
  ['journal', ['seq']],
  ['package', ['id']],
  ['package_message', ['package', 'position']],
]);

/** Of a message's octets, of the segments, or of what the upstream says when it is asked again. */
export const DERIVED: readonly string[] = [
  'segment',
  'ledger',
  'structure',
  'header',
  'sorting',
  'text',
  'text_pending',
  'word_run',
  'word_block',
  'unreadable',
  'signature_finding',
  'signature',
  'exchange_part',
  'review',
  'upstream_message',
];

/** A setting that is not to outlive its own deletion in an append-only file: the sealed password. */
export const UNKEPT_SETTING = 'vault';
