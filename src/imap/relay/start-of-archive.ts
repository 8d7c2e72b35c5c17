import type { AccountStore } from '../../store/types.ts';
import { AnswerCollector } from './answers.ts';
import type { UpstreamConnection } from './upstream.ts';

/**
 * At the first login of a mailbox: what comes into INBOX from here on is new mail, and the archiver's to copy, however
 * soon it comes. INTERNALDATE could not tell, since it knows seconds.
 */
export async function markStartOfArchive(upstream: UpstreamConnection, store: AccountStore): Promise<void> {
  if ((await store.cursors()).some(({ folder }) => folder === 'INBOX')) return;
  const collector = new AnswerCollector('STATUS');
  await upstream.command(['STATUS INBOX (UIDNEXT UIDVALIDITY)'], { capture: collector.capture });
  const { UIDNEXT: next, UIDVALIDITY: uidValidity } = readStatus(collector.answers[0]);
  if (next === undefined || uidValidity === undefined) return;
  await store.setCursor({ folder: 'INBOX', uidValidity, lastUid: next - 1 });
}

/** Empty where there is none that can be read: the archiver goes by the time then. */
function readStatus(parser: AnswerCollector['answers'][number] | undefined): Partial<Record<string, number>> {
  try {
    parser?.space();
    parser?.astring();
    parser?.space();
    const items = parser?.list((): [string, number] => {
      const name = parser.atom().toUpperCase();
      parser.space();
      return [name, parser.number()];
    });
    return Object.fromEntries(items ?? []);
  } catch {
    return {};
  }
}
