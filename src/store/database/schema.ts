/**
 * Tables of one account's database. Instants are milliseconds since the epoch. Counters of `leaf` and `message` are kept
 * by triggers, so they are right in every transaction whatever changes the rows.
 */
export const SCHEMA_VERSION = 1;

export const SCHEMA = `
CREATE TABLE setting (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

-- Committed length of each segment file: what lies beyond was never acknowledged.
CREATE TABLE segment (number INTEGER PRIMARY KEY, length INTEGER NOT NULL);

-- The last record of the ledger. renumber: UIDs may have been lost, and the trees must get new UIDVALIDITYs.
CREATE TABLE ledger (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  seq INTEGER NOT NULL,
  sha256 BLOB NOT NULL,
  segment INTEGER NOT NULL,
  offset INTEGER NOT NULL,
  scheme INTEGER NOT NULL,
  length INTEGER NOT NULL,
  stored INTEGER NOT NULL,
  renumber INTEGER NOT NULL
);

CREATE TABLE piece (
  id INTEGER PRIMARY KEY,
  sha256 BLOB NOT NULL,
  segment INTEGER NOT NULL,
  offset INTEGER NOT NULL,
  scheme INTEGER NOT NULL,
  length INTEGER NOT NULL,
  stored INTEGER NOT NULL
);
-- Where a digest is looked for, its beginning leads to the few rows that may have it; likewise for messages.
CREATE INDEX piece_sha256 ON piece (substr(sha256, 1, 8));

CREATE TABLE message (
  id INTEGER PRIMARY KEY,
  sha256 BLOB NOT NULL,
  size INTEGER NOT NULL,
  internal_date INTEGER NOT NULL,
  filed_at INTEGER NOT NULL,
  category TEXT NOT NULL,
  -- Category that the message's own kind gives, before its direction is looked at.
  kind_category TEXT NOT NULL,
  from_self INTEGER NOT NULL,
  certified_at INTEGER,
  sent_day TEXT,
  thread TEXT NOT NULL,
  direction TEXT NOT NULL,
  source TEXT NOT NULL,
  folder TEXT,
  stored_at INTEGER NOT NULL,
  recipe BLOB NOT NULL,
  -- Entries in all trees; a message without any is an orphan from that moment on.
  entries INTEGER NOT NULL DEFAULT 0,
  orphaned_at INTEGER,
  package TEXT,
  conserved_at INTEGER
);
CREATE INDEX message_sha256 ON message (substr(sha256, 1, 8));

CREATE TABLE structure (
  message INTEGER PRIMARY KEY REFERENCES message,
  -- Compressed: see structure/listing.ts and structure/facts.ts.
  listing BLOB NOT NULL,
  tree BLOB NOT NULL,
  facts BLOB NOT NULL
);

-- Headers of usual length as they stand in the messages: see structure/kept-header.ts.
CREATE TABLE header (
  message INTEGER PRIMARY KEY REFERENCES message,
  checksum INTEGER NOT NULL,
  octets BLOB NOT NULL
);

-- What SORT and THREAD compare (RFC 5256): texts in the form of i;unicode-casemap, sent_at in milliseconds.
CREATE TABLE sorting (
  message INTEGER PRIMARY KEY REFERENCES message,
  sent_at INTEGER,
  subject TEXT NOT NULL,
  is_reply INTEGER NOT NULL,
  sender TEXT NOT NULL,
  recipient TEXT NOT NULL,
  cc TEXT NOT NULL,
  display_sender TEXT NOT NULL,
  display_recipient TEXT NOT NULL,
  message_id TEXT,
  -- Empty where there is none; NULL where it is message_id without the brackets around it.
  reference_id TEXT,
  -- Message-IDs between line breaks, oldest first.
  refs TEXT NOT NULL
);

-- Folded text, for what the index cannot answer, as packed-text.ts packs it; octets: when it is expanded. Very long texts
-- are not in the index at all.
CREATE TABLE text (
  message INTEGER PRIMARY KEY REFERENCES message,
  indexed INTEGER NOT NULL,
  octets INTEGER NOT NULL,
  packed BLOB NOT NULL
);
CREATE INDEX text_unindexed ON text (message) WHERE indexed = 0;
-- The index of texts: see words/run.ts. state: 'whole' answers, 'making' is being put together (progress: from which, and
-- how far), 'dropped' is being removed. messages: of its documents, as encodeMessages writes them.
CREATE TABLE word_run (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  state TEXT NOT NULL,
  level INTEGER NOT NULL,
  blocks INTEGER NOT NULL,
  progress TEXT,
  messages BLOB NOT NULL
);
-- Parts of runs by their tokens in ascending order: see words/block.ts.
CREATE TABLE word_block (
  id INTEGER PRIMARY KEY,
  names BLOB NOT NULL,
  documents BLOB NOT NULL,
  places BLOB NOT NULL
);
CREATE TABLE unreadable (message INTEGER NOT NULL REFERENCES message, section TEXT NOT NULL, reason TEXT NOT NULL);
CREATE INDEX unreadable_message ON unreadable (message);
-- Messages whose attachments wait to be read for SEARCH. attempts: that failed.
CREATE TABLE text_pending (
  message INTEGER PRIMARY KEY REFERENCES message ON DELETE CASCADE,
  attempts INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX text_pending_order ON text_pending (attempts, message DESC);

-- What was found of gestori's signatures, the same for thousands of messages: JSON of a SignatureSummary without its
-- signing time. not_after: the end of the signer's certificate, unless broken.
CREATE TABLE signature_finding (
  id INTEGER PRIMARY KEY,
  outcome TEXT NOT NULL UNIQUE,
  status TEXT NOT NULL,
  not_after INTEGER
);
-- A message's signature as it was found when the message came.
CREATE TABLE signature (
  message INTEGER PRIMARY KEY REFERENCES message,
  finding INTEGER NOT NULL REFERENCES signature_finding,
  signed_at INTEGER
);
-- Messages that tell of the sending of one (pec/exchange.ts), found by short hashes; what they tell is in their facts.
CREATE TABLE exchange_part (
  message INTEGER PRIMARY KEY REFERENCES message,
  role TEXT NOT NULL,
  sender INTEGER NOT NULL,
  msgid INTEGER,
  identificativo INTEGER,
  trusted INTEGER NOT NULL
);
CREATE INDEX exchange_part_msgid ON exchange_part (msgid) WHERE msgid IS NOT NULL;
CREATE INDEX exchange_part_identificativo ON exchange_part (identificativo) WHERE identificativo IS NOT NULL;
CREATE INDEX exchange_part_acceptance ON exchange_part (sender)
  WHERE trusted = 1 AND role IN ('accettazione', 'non-accettazione');
-- When the clock may change what the views under watch show of a message.
CREATE TABLE review (message INTEGER PRIMARY KEY REFERENCES message, at INTEGER NOT NULL);
CREATE INDEX review_at ON review (at, message);

CREATE TABLE tree (
  id INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,
  -- Empty but for local mailboxes.
  name TEXT NOT NULL,
  uidvalidity INTEGER NOT NULL,
  uidnext INTEGER NOT NULL DEFAULT 1,
  modseq INTEGER NOT NULL DEFAULT 1,
  special_use TEXT,
  UNIQUE (kind, name)
);
-- The last UIDVALIDITY given, ever.
CREATE TABLE uidvalidity (last INTEGER NOT NULL);
INSERT INTO uidvalidity VALUES (0);

-- A tree's entries by year, month and kind, or by special name; 0 and '' stand for none.
CREATE TABLE leaf (
  id INTEGER PRIMARY KEY,
  tree INTEGER NOT NULL REFERENCES tree ON DELETE CASCADE,
  year INTEGER NOT NULL,
  month INTEGER NOT NULL,
  category TEXT NOT NULL,
  special TEXT NOT NULL,
  messages INTEGER NOT NULL DEFAULT 0,
  unseen INTEGER NOT NULL DEFAULT 0,
  deleted INTEGER NOT NULL DEFAULT 0,
  bytes INTEGER NOT NULL DEFAULT 0,
  -- Maxima ever reached: they survive what is expunged.
  max_uid INTEGER NOT NULL DEFAULT 0,
  max_modseq INTEGER NOT NULL DEFAULT 1,
  UNIQUE (tree, year, month, category, special)
);

CREATE TABLE entry (
  tree INTEGER NOT NULL REFERENCES tree,
  uid INTEGER NOT NULL,
  leaf INTEGER NOT NULL REFERENCES leaf,
  message INTEGER NOT NULL REFERENCES message,
  -- 1 \\Seen, 2 \\Answered, 4 \\Flagged, 8 \\Deleted, 16 \\Draft.
  flags INTEGER NOT NULL,
  -- Numbers of the tree's keywords between commas: ',3,17,'; empty when there are none.
  keywords TEXT NOT NULL,
  modseq INTEGER NOT NULL,
  -- MODSEQ at which the entry came.
  born INTEGER NOT NULL,
  internal_date INTEGER NOT NULL,
  save_date INTEGER NOT NULL,
  size INTEGER NOT NULL,
  PRIMARY KEY (tree, uid)
) WITHOUT ROWID;
CREATE INDEX entry_leaf ON entry (leaf, uid);
CREATE INDEX entry_message ON entry (message, tree);
CREATE INDEX entry_modseq ON entry (tree, modseq);
CREATE INDEX entry_unseen ON entry (leaf, uid) WHERE (flags & 1) = 0;

CREATE TABLE expunged (
  tree INTEGER NOT NULL REFERENCES tree ON DELETE CASCADE,
  modseq INTEGER NOT NULL,
  uid INTEGER NOT NULL,
  leaf INTEGER NOT NULL,
  PRIMARY KEY (tree, modseq, uid)
) WITHOUT ROWID;

CREATE TABLE keyword (
  id INTEGER PRIMARY KEY,
  tree INTEGER NOT NULL REFERENCES tree ON DELETE CASCADE,
  name TEXT NOT NULL,
  folded TEXT NOT NULL,
  UNIQUE (tree, folded)
);

CREATE TABLE subscription (view TEXT PRIMARY KEY, subscribed INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE cursor (folder TEXT PRIMARY KEY, uidvalidity INTEGER NOT NULL, last_uid INTEGER NOT NULL) WITHOUT ROWID;
-- Which upstream message is which of ours. A row that is lost only means that this is not known.
CREATE TABLE upstream_message (
  folder TEXT NOT NULL,
  uidvalidity INTEGER NOT NULL,
  uid INTEGER NOT NULL,
  message INTEGER NOT NULL REFERENCES message ON DELETE CASCADE,
  PRIMARY KEY (folder, uidvalidity, uid)
) WITHOUT ROWID;
CREATE INDEX upstream_message_message ON upstream_message (message);

CREATE TABLE queue (
  position INTEGER PRIMARY KEY AUTOINCREMENT,
  message INTEGER NOT NULL UNIQUE REFERENCES message,
  intake_uid INTEGER,
  by_policy INTEGER NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  reason TEXT,
  queued_at INTEGER NOT NULL
);
CREATE TABLE refusal (message INTEGER PRIMARY KEY REFERENCES message, reason TEXT NOT NULL, at INTEGER NOT NULL);

-- Packages of distribution asked for and not made yet; the ids of their messages as JSON.
CREATE TABLE distribution (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  messages TEXT NOT NULL,
  requested_at INTEGER NOT NULL
);
-- Every act on the archive. Each hash covers the entry and the hash before it. messages: SHA-256 of those that the
-- detail names, one after the other.
CREATE TABLE journal (
  seq INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  act TEXT NOT NULL,
  actor TEXT NOT NULL,
  detail TEXT NOT NULL,
  messages BLOB NOT NULL,
  hash BLOB NOT NULL
);
CREATE TRIGGER journal_changed BEFORE UPDATE ON journal BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER journal_removed BEFORE DELETE ON journal BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;

CREATE TABLE package (id TEXT PRIMARY KEY, sealed_at INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE package_message (
  package TEXT NOT NULL REFERENCES package,
  position INTEGER NOT NULL,
  message INTEGER NOT NULL REFERENCES message,
  -- 0 until the message has changed trees.
  done INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (package, position)
) WITHOUT ROWID;
CREATE INDEX package_message_pending ON package_message (package, position) WHERE done = 0;

CREATE TRIGGER entry_added AFTER INSERT ON entry BEGIN
  UPDATE leaf SET
    messages = messages + 1,
    unseen = unseen + ((new.flags & 1) = 0),
    deleted = deleted + ((new.flags & 8) <> 0),
    bytes = bytes + new.size,
    max_uid = max(max_uid, new.uid),
    max_modseq = max(max_modseq, new.modseq)
  WHERE id = new.leaf;
  UPDATE message SET entries = entries + 1, orphaned_at = NULL WHERE id = new.message;
END;
CREATE TRIGGER entry_changed AFTER UPDATE OF flags, modseq ON entry BEGIN
  UPDATE leaf SET
    unseen = unseen + ((new.flags & 1) = 0) - ((old.flags & 1) = 0),
    deleted = deleted + ((new.flags & 8) <> 0) - ((old.flags & 8) <> 0),
    max_modseq = max(max_modseq, new.modseq)
  WHERE id = new.leaf;
END;
CREATE TRIGGER entry_removed AFTER DELETE ON entry BEGIN
  UPDATE leaf SET
    messages = messages - 1,
    unseen = unseen - ((old.flags & 1) = 0),
    deleted = deleted - ((old.flags & 8) <> 0),
    bytes = bytes - old.size
  WHERE id = old.leaf;
  UPDATE message SET
    entries = entries - 1,
    orphaned_at = CASE WHEN entries = 1 THEN CAST(unixepoch('subsec') * 1000 AS INTEGER) END
  WHERE id = old.message;
END;
CREATE TRIGGER entry_expunged AFTER INSERT ON expunged BEGIN
  UPDATE leaf SET max_uid = max(max_uid, new.uid), max_modseq = max(max_modseq, new.modseq) WHERE id = new.leaf;
END;
`;

/** Working sets of one search; gone with the connection. */
export const TEMPORARY = `
CREATE TEMP TABLE uid_range (slot INTEGER, low INTEGER, high INTEGER, PRIMARY KEY (slot, low)) WITHOUT ROWID;
`;
