import type { AccountStore } from '../../store/types.ts';
import { decodeMutf7 } from '../mutf7.ts';
import type { ViewRoots } from '../names.ts';
import { AnswerCollector } from './answers.ts';
import { listAnswers } from './list-answer.ts';
import type { UpstreamConnection } from './upstream.ts';

/** Where the upstream's own folders of the user are. */
export interface Hierarchy {
  readonly delimiter: string;
  /** Prefix of the personal namespace, `INBOX.` on Courier, Cyrus and Aruba; mostly empty. */
  readonly prefix: string;
}

/** Asks for delimiter (RFC 3501 section 6.3.8) and personal namespace (RFC 2342). */
export async function askHierarchy(upstream: UpstreamConnection): Promise<Hierarchy> {
  if (upstream.capabilities.has('NAMESPACE')) {
    const collector = new AnswerCollector('NAMESPACE');
    await upstream.command(['NAMESPACE'], { capture: collector.capture });
    const parser = collector.answers[0];
    if (parser?.take(' ') && parser.take('(') && parser.take('(')) {
      const prefix = parser.string();
      parser.space();
      const delimiter = parser.nstring();
      if (delimiter !== null) return { delimiter, prefix };
    }
  }
  const collector = new AnswerCollector('LIST');
  await upstream.command(['LIST "" ""'], { capture: collector.capture });
  return { delimiter: listAnswers(collector.answers)[0]?.delimiter ?? '/', prefix: '' };
}

const SETTING = 'viewRoots';

/** What is known of an account's folders at the start of a session. */
export interface Folders {
  readonly roots: ViewRoots;
  /** The upstream designates a folder of its own as `\\Archive` (RFC 6154). */
  readonly hasArchive: boolean;
}

/**
 * Names of the three trees on this account. A folder of the user's own is never hidden: the tree takes a suffix then,
 * chosen once and remembered.
 */
export async function chooseRoots(
  upstream: UpstreamConnection,
  store: AccountStore,
  hierarchy: Hierarchy,
  configured: ViewRoots,
): Promise<Folders> {
  const collector = new AnswerCollector('LIST');
  const asks = upstream.capabilities.has('SPECIAL-USE') && upstream.capabilities.has('LIST-EXTENDED');
  const list = `LIST "" "${hierarchy.prefix.replaceAll(/["\\]/g, '\\$&')}%"${asks ? ' RETURN (SPECIAL-USE)' : ''}`;
  await upstream.command([list], { capture: collector.capture });
  const taken = new Set<string>();
  let hasArchive = false;
  for (const { flags, name: octets } of listAnswers(collector.answers)) {
    // One that cannot be decoded stays as it is.
    const name = decodeMutf7(octets) ?? octets;
    hasArchive ||= flags.some(flag => flag.toLowerCase() === '\\archive');
    if (name.startsWith(hierarchy.prefix)) taken.add(name.slice(hierarchy.prefix.length).normalize('NFC'));
  }
  const remembered = (await store.setting<Record<string, string>>(SETTING)) ?? {};
  const choose = (name: string): string => {
    const clean = name.replaceAll(hierarchy.delimiter, '-');
    const candidates = [remembered[name] ?? clean, clean, `${clean} (Archivia)`];
    const free = candidates.find(candidate => !taken.has(candidate));
    if (free !== undefined) return free;
    let number = 2;
    while (taken.has(`${clean} (Archivia ${number})`)) number++;
    return `${clean} (Archivia ${number})`;
  };
  // Below the archive there is no folder of the user's own to avoid.
  const below = (name: string): string => name.replaceAll(hierarchy.delimiter, '-');
  const roots = {
    intake: choose(configured.intake),
    archive: choose(configured.archive),
    conservation: choose(configured.conservation),
    pending: below(configured.pending),
    undelivered: below(configured.undelivered),
    expiring: below(configured.expiring),
  };
  const chosen = {
    ...remembered,
    [configured.intake]: roots.intake,
    [configured.archive]: roots.archive,
    [configured.conservation]: roots.conservation,
  };
  if (JSON.stringify(chosen) !== JSON.stringify(remembered)) await store.setSetting(SETTING, chosen);
  return { roots, hasArchive };
}
