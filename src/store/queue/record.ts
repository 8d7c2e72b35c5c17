import { messageById, messageBySha256, messageHandle, messageId } from '../catalog/messages.ts';
import { asCategory } from '../catalog/views.ts';
import type { AccountContext } from '../database/context.ts';
import { signatureOf } from '../exchange/facts.ts';
import { expandFacts, expandTree } from '../structure/facts.ts';
import { type MessageRecord, StoreError } from '../types.ts';

export function record(context: AccountContext, handle: string): MessageRecord {
  return recordById(context, messageId(handle));
}

export function recordById(context: AccountContext, id: number): MessageRecord {
  const row = messageById(context, id);
  const stored = context
    .sql<{ tree: Uint8Array; facts: Uint8Array }>('SELECT tree, facts FROM structure WHERE message = ?')
    .get(id);
  if (!stored) throw new StoreError('CORRUPTION', 'Manca la struttura del messaggio');
  const { summary, pec } = expandFacts(stored.facts);
  const { subject, from, to, cc, sentAt, messageId: id822 } = summary;
  return {
    message: messageHandle(id),
    sha256: Buffer.from(row.sha256).toString('hex'),
    size: row.size,
    internalDate: row.internal_date,
    category: asCategory(row.category),
    filedAt: row.filed_at,
    pec,
    signature: signatureOf(context, id),
    structure: { subject, from, to, cc, sentAt, messageId: id822, root: expandTree(stored.tree) },
    conserved: row.package === null ? null : { packageId: row.package, at: row.conserved_at ?? 0 },
  };
}

/** Handle of a message that some tree still shows, or that is conserved. */
export function findBySha256(context: AccountContext, sha256: string): string | null {
  if (!/^[0-9a-f]{64}$/i.test(sha256)) return null;
  const row = messageBySha256(context, Buffer.from(sha256, 'hex'));
  return row && (row.entries > 0 || row.package !== null) ? messageHandle(row.id) : null;
}
