import { formatSet } from '../sets.ts';
import { ignoreGone } from './link.ts';
import type { CommandPart, UpstreamConnection } from './upstream.ts';

/**
 * Removes messages from an upstream folder again, exactly these (RFC 4315 section 2.1). Nothing may be selected
 * upstream, and nothing is afterwards. Rejects with UpstreamGone.
 * @param folder as an argument
 * @returns how many of them are still there
 */
export async function takeBack(
  upstream: UpstreamConnection,
  folder: readonly CommandPart[],
  { uidValidity, uids }: { readonly uidValidity: number; readonly uids: ReadonlySet<number> },
): Promise<number> {
  if (uids.size === 0) return 0;
  const set = formatSet([...uids].sort((one, other) => one - other));
  let opened: number | null = null;
  const selected = await upstream.command(['SELECT ', ...folder], {
    capture: line => {
      const told = /^\* OK \[UIDVALIDITY (\d+)\]/i.exec(line.toString('latin1', 0, 64))?.[1];
      if (told !== undefined) opened = Number(told);
      return null;
    },
  });
  // One that fails leaves nothing selected (RFC 3501 section 6.3.1).
  if (selected.status !== 'OK') return uids.size;
  try {
    if (opened !== uidValidity) return uids.size;
    await expunge(upstream, set);
    return await stillThere(upstream, set, uids);
  } finally {
    await leaveFolder(upstream).catch(ignoreGone);
  }
}

async function expunge(upstream: UpstreamConnection, set: string): Promise<void> {
  const marked = await upstream.command([`UID STORE ${set} +FLAGS.SILENT (\\Deleted)`]);
  if (marked.status !== 'OK') return;
  const expunged = await upstream.command([`UID EXPUNGE ${set}`]);
  // What has to stay is no refuse of somebody's.
  if (expunged.status !== 'OK') await upstream.command([`UID STORE ${set} -FLAGS.SILENT (\\Deleted)`]);
}

/** Counted, since an upstream may answer OK and expunge nothing, as where a right is missing (RFC 4314 section 4). */
async function stillThere(upstream: UpstreamConnection, set: string, uids: ReadonlySet<number>): Promise<number> {
  const found = new Set<number>();
  const answer = await upstream.command([`UID FETCH ${set} (UID)`], {
    capture: line => {
      const uid = Number(/^\* \d+ FETCH \(.*\bUID (\d+)/i.exec(line.toString('latin1', 0, 256))?.[1]);
      if (uids.has(uid)) found.add(uid);
      return null;
    },
  });
  return answer.status === 'OK' ? found.size : uids.size;
}

/** Leaves the upstream's folder without expunging it. */
export async function leaveFolder(upstream: UpstreamConnection): Promise<void> {
  // Without UNSELECT, a SELECT that fails does the same (RFC 3501 section 6.3.1); CLOSE would expunge.
  const leave = upstream.capabilities.has('UNSELECT')
    ? 'UNSELECT'
    : `EXAMINE "archivia-${Math.random().toString(36).slice(2)}"`;
  await upstream.prompt(leave);
}
