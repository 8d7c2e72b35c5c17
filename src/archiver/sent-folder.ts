import type { ListResponse } from 'imapflow';

/** Last levels under which Italian providers and usual clients keep what was sent; compared without regard to case. */
const USUAL_NAMES = ['sent', 'inviata', 'inviati', 'posta inviata', 'spedite', 'sent items', 'sent messages'];

type Folder = Pick<ListResponse, 'path' | 'name' | 'flags' | 'specialUse' | 'specialUseSource'>;

/**
 * The folder of sent mail: the one that the server marks `\Sent` (RFC 6154), else the configured one, else one with a
 * usual name. null when there is none.
 */
export function findSentFolder(folders: readonly Folder[], configured: string | null): string | null {
  const selectable = folders.filter(
    folder => ![...folder.flags].some(flag => /^\\(noselect|nonexistent)$/i.test(flag)),
  );
  const marked = selectable.find(folder => folder.specialUse === '\\Sent' && folder.specialUseSource === 'extension');
  if (marked !== undefined) return marked.path;
  const named = (name: string) => selectable.find(folder => folder.path.toLowerCase() === name.toLowerCase());
  const byConfig = configured === null ? undefined : named(configured);
  if (byConfig !== undefined) return byConfig.path;
  for (const name of USUAL_NAMES) {
    const found = selectable.find(folder => folder.name.toLowerCase() === name);
    if (found !== undefined) return found.path;
  }
  return null;
}
