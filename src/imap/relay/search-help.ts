import type { AccountStore, UpstreamFolder } from '../../store/types.ts';
import { argumentsOf } from '../arguments.ts';
import { Refusal, SyntaxFailure } from '../errors.ts';
import { parseSearch, parseSort, parseThread, type SearchContext, type TextKey } from '../search/parse.ts';
import type { Mark } from '../wire/parser.ts';
import type { IncomingCommand, Segment } from '../wire/reader.ts';

/** Each text is a search in the index. */
const MAXIMUM_TEXTS = 10;
/** Dovecot takes lines of 64 KiB, others less; Archivia's own words in one stay below this. */
const MAXIMUM_SET = 7_000;
/** Questions whether the archive has all the folder's messages: more ranges than fit are not asked about. */
const MAXIMUM_CHECKS = 8;
const MAXIMUM_UID = 0xffff_ffff;

/** How a SEARCH in an upstream folder is helped by the index. */
export interface SearchHelp {
  /** SEARCH commands of ours; all of them must find nothing, or the archive lacks a message of the folder. */
  readonly checks: readonly string[];
  /** What the upstream is asked instead. */
  readonly command: IncomingCommand;
}

/**
 * Whether the command is a search by text, and so worth a question to the store. Literals have not been read yet.
 */
export function mayBeHelped(command: IncomingCommand): boolean {
  return (
    /^(?:UID )?(?:SEARCH|SORT|THREAD)$/.test(command.name) &&
    command.segments.some(
      ({ kind, octets }) => kind === 'text' && /\b(?:TEXT|BODY) /i.test(`${octets.toString('latin1')} `),
    )
  );
}

/**
 * TEXT and BODY keys of a search in an upstream folder, answered from the index: `TEXT x` becomes
 * `(OR UID hits (UID next:* TEXT x))`, where `next` is beyond the last message that the archive has; what is older than
 * the first is asked of the upstream likewise. All else stays as it is, and is the upstream's to answer. null: the search is to go upstream untouched.
 * @param command read to its end
 */
export async function searchHelp(
  account: AccountStore,
  folder: UpstreamFolder,
  command: IncomingCommand,
  utf8Only: boolean,
): Promise<SearchHelp | null> {
  const keys = textKeys(command, utf8Only);
  if (keys === null || keys.length === 0 || keys.length > MAXIMUM_TEXTS) return null;
  const known = await account.knownUpstreamUids(folder);
  const last = known.at(-1);
  const [first] = known;
  if (first === undefined || last === undefined || last >= MAXIMUM_UID) return null;
  const checks = completenessChecks(known, first, last);
  if (checks === null) return null;
  const hits = await account.searchUpstream(
    folder,
    keys.map(({ op, needle }) => ({ op, needle })),
  );
  const insertions: Insertion[] = [];
  for (const [index, key] of keys.entries()) {
    const uids = hits[index];
    // Too short: this key stays the upstream's.
    if (uids === undefined || uids === null) continue;
    const set = coveringSet(uids, known);
    if (set.length > MAXIMUM_SET) return null;
    const beyond = `UID ${first === 1 ? '' : `1:${first - 1},`}${last + 1}:* `;
    insertions.push({ at: key.from, text: set === '' ? `(${beyond}` : `(OR UID ${set} (${beyond}` });
    insertions.push({ at: key.to, text: set === '' ? ')' : '))' });
  }
  if (insertions.length === 0) return null;
  return { checks, command: { ...command, segments: insert(command.segments, insertions) } };
}

/** The TEXT and BODY keys of a command; null where the command is not understood, or asks for FUZZY. */
function textKeys(command: IncomingCommand, utf8Only: boolean): TextKey[] | null {
  const keys: TextKey[] = [];
  const context: SearchContext = { ranges: () => [], utf8Only, onText: key => keys.push(key) };
  const parser = argumentsOf(command);
  try {
    switch (command.name.replace(/^UID /, '')) {
      case 'SEARCH':
        return parseSearch(parser, context).grades === null ? keys : null;
      case 'SORT':
        return parseSort(parser, context).grades === null ? keys : null;
      default:
        parseThread(parser, context);
        return keys;
    }
  } catch (error) {
    if (error instanceof SyntaxFailure || error instanceof Refusal) return null;
    throw error;
  }
}

/**
 * Commands that find what stands in the folder between the first and the last known UID and is not known. Sequence numbers are asked
 * for, since no EXPUNGE may come during such a SEARCH (RFC 3501 section 7.4.1).
 */
function completenessChecks(known: Uint32Array, first: number, last: number): string[] | null {
  const checks: string[] = [];
  let from = first;
  let set: string[] = [];
  let length = 0;
  const close = (to: number) => {
    checks.push(`SEARCH UID ${from}:${to} NOT UID ${set.join(',')}`);
    from = to + 1;
    set = [];
    length = 0;
  };
  for (const [start, end] of ranges(known)) {
    const range = start === end ? String(start) : `${start}:${end}`;
    if (length + range.length > MAXIMUM_SET) close(start - 1);
    if (checks.length === MAXIMUM_CHECKS) return null;
    set.push(range);
    length += range.length + 1;
  }
  close(last);
  return checks;
}

function* ranges(numbers: Uint32Array): Generator<readonly [number, number]> {
  let first = numbers[0];
  if (first === undefined) return;
  let end = first;
  for (const number of numbers.subarray(1)) {
    if (number !== end + 1) {
      yield [first, end];
      first = number;
    }
    end = number;
  }
  yield [first, end];
}

/**
 * Hits as a set in which a range reaches over UIDs that no message of the folder has: shorter, and the same messages.
 * @param known ascending, among them all hits
 */
function coveringSet(hits: Uint32Array, known: Uint32Array): string {
  const found: string[] = [];
  let at = 0;
  for (let index = 0; index < hits.length; index++) {
    const first = hits[index] ?? 0;
    while ((known[at] ?? first) < first) at++;
    while (index + 1 < hits.length && known[at + 1] === hits[index + 1]) {
      index++;
      at++;
    }
    const last = hits[index] ?? first;
    found.push(first === last ? String(first) : `${first}:${last}`);
  }
  return found.join(',');
}

interface Insertion {
  readonly at: Mark;
  readonly text: string;
}

/** @param insertions in the order of their places */
function insert(segments: readonly Segment[], insertions: readonly Insertion[]): Segment[] {
  const changed = [...segments];
  for (const { at, text } of insertions.toReversed()) {
    const segment = changed[at.segment];
    if (segment === undefined) continue;
    const octets = Buffer.concat([
      segment.octets.subarray(0, at.at),
      Buffer.from(text, 'latin1'),
      segment.octets.subarray(at.at),
    ]);
    changed[at.segment] = { ...segment, octets };
  }
  return changed;
}
