import { AnswerCollector } from './answers.ts';
import type { CommandPart, UpstreamConnection } from './upstream.ts';

/** Which UID the next message of a folder gets. */
export interface FolderStatus {
  readonly uidNext: number;
  readonly uidValidity: number;
}

/** Asks an upstream about a folder that is not selected; null where it does not tell. @param folder as an argument */
export async function folderStatus(
  upstream: UpstreamConnection,
  folder: readonly CommandPart[],
): Promise<FolderStatus | null> {
  const collector = new AnswerCollector('STATUS');
  await upstream.command(['STATUS ', ...folder, ' (UIDNEXT UIDVALIDITY)'], { capture: collector.capture });
  const { UIDNEXT: uidNext, UIDVALIDITY: uidValidity } = readStatus(collector.answers[0]);
  return uidNext === undefined || uidValidity === undefined ? null : { uidNext, uidValidity };
}

/** Empty where there is none that can be read. */
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
