/** A subject without what replies and forwards put around it (RFC 5256 section 2.1). */
export interface BaseSubject {
  readonly base: string;
  /** Something was taken away that says that the message is a reply or a forward. */
  readonly isReply: boolean;
}

/** Characters of a subject that count: the algorithm's time grows with their square. */
const MAXIMUM = 4_000;

/** @param subject decoded and mapped by `titlecased`, in which all comparing is done */
export function baseSubject(subject: string): BaseSubject {
  let rest = subject
    .slice(0, MAXIMUM)
    .replace(/[ \t\r\n]+/g, ' ')
    .replace(/^ /, '');
  let isReply = false;
  for (;;) {
    // (2) Trailing blanks and `(fwd)`.
    const trimmed = rest.replace(/(?: |\(FWD\))+$/, '');
    if (/\(FWD\)/.test(rest.slice(trimmed.length))) isReply = true;
    rest = trimmed;
    // (3) to (5) Leading blobs and `re:`.
    for (;;) {
      const leader = withoutLeader(rest);
      if (leader !== null) {
        rest = leader.rest;
        isReply ||= leader.isReply;
      }
      const blob = withoutBlob(rest);
      if (blob !== null && blob !== '') rest = blob;
      else if (leader === null) break;
    }
    // (6) `[fwd: ...]`.
    if (!rest.startsWith('[FWD:') || !rest.endsWith(']')) return { base: rest, isReply };
    rest = rest.slice(5, -1);
    isReply = true;
  }
}

/** Step (3): one `*subj-blob subj-refwd`, or a blank; null when there is none. */
function withoutLeader(text: string): { rest: string; isReply: boolean } | null {
  const blank = text.startsWith(' ');
  const start = blank ? text.slice(1) : text;
  const none = blank ? { rest: start, isReply: false } : null;
  let rest = start;
  while (rest.startsWith('[')) {
    const next = withoutBlob(rest);
    if (next === null) return none;
    rest = next;
  }
  const word = /^(?:RE|FWD?) ?/.exec(rest)?.[0];
  if (word === undefined) return none;
  rest = rest.slice(word.length);
  if (rest.startsWith('[')) {
    const next = withoutBlob(rest);
    if (next === null) return none;
    rest = next;
  }
  return rest.startsWith(':') ? { rest: rest.slice(1), isReply: true } : none;
}

/** Without a `[...]` at the beginning; null when there is none. */
function withoutBlob(text: string): string | null {
  const blob = /^\[[^[\]]*\] ?/.exec(text)?.[0];
  return blob === undefined ? null : text.slice(blob.length);
}
