import { ENGINE_CAPABILITIES, HOP_CAPABILITIES } from '../capabilities.ts';

/** What needs UIDPLUS upstream to be safe: a MOVE into a view deletes upstream by UID EXPUNGE, nothing else. */
const NEEDS_UIDPLUS = ['MOVE'];

/**
 * The capabilities of a proxied session: those that upstream folders and views both have, plus what holds on our hop
 * alone. An unknown capability is left out: nobody has tried it on a view.
 */
export function commonCapabilities(upstream: ReadonlySet<string>): readonly string[] {
  const common = ENGINE_CAPABILITIES.filter(
    name =>
      HOP_CAPABILITIES.includes(name) ||
      (upstream.has(name.toUpperCase()) && (!NEEDS_UIDPLUS.includes(name) || upstream.has('UIDPLUS'))),
  );
  return common;
}

/** Replaces the list of an untagged CAPABILITY or a `[CAPABILITY ...]` code; null when the line has none. */
export function rewriteCapabilities(line: string, capabilities: readonly string[]): string | null {
  const list = capabilities.join(' ');
  if (/^\* CAPABILITY /i.test(line)) return `* CAPABILITY ${list}`;
  const rewritten = line.replace(/^(\S+ (?:OK|NO|BAD|PREAUTH) )\[CAPABILITY [^\]]*\]/i, `$1[CAPABILITY ${list}]`);
  return rewritten === line ? null : rewritten;
}
