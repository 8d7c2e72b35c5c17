import { ENGINE_CAPABILITIES, HOP_CAPABILITIES } from '../capabilities.ts';

/** What needs UIDPLUS upstream to be safe: a MOVE into a view deletes upstream by UID EXPUNGE, nothing else. */
const NEEDS_UIDPLUS = ['MOVE'];

/**
 * The capabilities of a proxied session: those that upstream folders and views both have, plus what holds on our hop
 * alone. An unknown capability is left out: nobody has tried it on a view.
 * @param messageBytes the largest message that a view takes
 */
export function commonCapabilities(upstream: ReadonlySet<string>, messageBytes: number): readonly string[] {
  const common = ENGINE_CAPABILITIES.filter(
    name =>
      HOP_CAPABILITIES.includes(name) ||
      (upstream.has(name.toUpperCase()) && (!NEEDS_UIDPLUS.includes(name) || upstream.has('UIDPLUS'))),
  );
  const limit = appendLimit(upstream, messageBytes);
  return limit === null ? common : [...common, limit];
}

/**
 * APPENDLIMIT (RFC 7889): the smaller of the upstream's limit and ours. Where the upstream has none to tell it is not
 * offered, since STATUS of its folders could not answer for it.
 */
function appendLimit(upstream: ReadonlySet<string>, messageBytes: number): string | null {
  for (const name of upstream) {
    const limit = /^APPENDLIMIT(?:=(\d+))?$/.exec(name);
    if (limit === null) continue;
    return limit[1] === undefined ? 'APPENDLIMIT' : `APPENDLIMIT=${Math.min(Number(limit[1]), messageBytes)}`;
  }
  return null;
}

/** Replaces the list of an untagged CAPABILITY or a `[CAPABILITY ...]` code; null when the line has none. */
export function rewriteCapabilities(line: string, capabilities: readonly string[]): string | null {
  const list = capabilities.join(' ');
  if (/^\* CAPABILITY /i.test(line)) return `* CAPABILITY ${list}`;
  const rewritten = line.replace(/^(\S+ (?:OK|NO|BAD|PREAUTH) )\[CAPABILITY [^\]]*\]/i, `$1[CAPABILITY ${list}]`);
  return rewritten === line ? null : rewritten;
}
