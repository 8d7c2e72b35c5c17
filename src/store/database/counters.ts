import type Database from 'better-sqlite3-multiple-ciphers';

/** A counter that is not what the rows say. */
export interface WrongCounter {
  readonly counter: string;
  readonly stored: number;
  readonly counted: number;
}

const LEAVES = `
  SELECT leaf AS id, count(*) AS messages, sum((flags & 1) = 0) AS unseen, sum((flags & 8) <> 0) AS deleted,
    sum(size) AS bytes, max(uid) AS uid, max(modseq) AS modseq
  FROM entry GROUP BY leaf`;
const EXPUNGED = 'SELECT leaf AS id, max(uid) AS uid, max(modseq) AS modseq FROM expunged GROUP BY leaf';
const ENTRIES = 'SELECT message AS id, count(*) AS entries FROM entry GROUP BY message';
const UIDS = `SELECT tree AS id, max(uid) AS uid, max(modseq) AS modseq
  FROM (SELECT tree, uid, modseq FROM entry UNION ALL SELECT tree, uid, modseq FROM expunged) GROUP BY tree`;

/** Counts everything anew. */
export function recount(db: Database.Database): void {
  db.exec(`
    UPDATE leaf SET messages = 0, unseen = 0, deleted = 0, bytes = 0;
    UPDATE leaf SET messages = c.messages, unseen = c.unseen, deleted = c.deleted, bytes = c.bytes,
      max_uid = max(max_uid, c.uid), max_modseq = max(max_modseq, c.modseq)
      FROM (${LEAVES}) c WHERE c.id = leaf.id;
    UPDATE leaf SET max_uid = max(max_uid, c.uid), max_modseq = max(max_modseq, c.modseq)
      FROM (${EXPUNGED}) c WHERE c.id = leaf.id;
    UPDATE message SET entries = 0 WHERE entries <> 0 AND id NOT IN (SELECT message FROM entry);
    UPDATE message SET entries = c.entries FROM (${ENTRIES}) c WHERE c.id = message.id AND c.entries <> message.entries;
    UPDATE tree SET uidnext = max(uidnext, c.uid + 1), modseq = max(tree.modseq, c.modseq)
      FROM (${UIDS}) c WHERE c.id = tree.id;
  `);
}

/** Counters that recounting would change; at most `limit`. */
export function wrongCounters(db: Database.Database, limit: number): WrongCounter[] {
  const of = (column: string): string => `
    SELECT 'leaf ' || l.id || ' ${column}' AS counter, l.${column} AS stored, ifnull(c.${column}, 0) AS counted
    FROM leaf l LEFT JOIN leaves c ON c.id = l.id WHERE l.${column} <> ifnull(c.${column}, 0)`;
  return db
    .prepare<[number], WrongCounter>(
      `WITH leaves AS (${LEAVES}), entries AS (${ENTRIES}), uids AS (${UIDS})
       ${['messages', 'unseen', 'deleted', 'bytes'].map(of).join(' UNION ALL ')}
       UNION ALL SELECT 'message ' || m.id || ' entries', m.entries, ifnull(c.entries, 0)
         FROM message m LEFT JOIN entries c ON c.id = m.id WHERE m.entries <> ifnull(c.entries, 0)
       UNION ALL SELECT 'tree ' || t.id || ' uidnext', t.uidnext, c.uid + 1
         FROM tree t JOIN uids c ON c.id = t.id WHERE t.uidnext <= c.uid
       UNION ALL SELECT 'tree ' || t.id || ' modseq', t.modseq, c.modseq
         FROM tree t JOIN uids c ON c.id = t.id WHERE t.modseq < c.modseq
       LIMIT ?`,
    )
    .all(limit);
}
