import { enableCondstore } from '../condstore.ts';
import { delimiterLine, listViewLines, parseListCommand } from '../list/index.ts';
import type { PlainCommand } from './types.ts';

/** RFC 3501 section 6.3.8, RFC 5258. */
export const list = listCommand('LIST', 'List completed.');
/** RFC 3501 section 6.3.9. */
export const lsub = listCommand('LSUB', 'Lsub completed.');
/** What Gmail had before SPECIAL-USE; Outlook 2013 and 2016 find Sent and Trash by it. */
export const xlist = listCommand('XLIST', 'Xlist completed.');

function listCommand(name: 'LIST' | 'LSUB' | 'XLIST', text: string): PlainCommand {
  return {
    name,
    state: 'authenticated',
    mayExpunge: true,
    async run(session, parser, command) {
      const request = parseListCommand(command, parser, session);
      if (request.delimiterOnly) session.writer.line(delimiterLine(session, request));
      if (request.statusItems?.includes('HIGHESTMODSEQ') === true) enableCondstore(session);
      for (const line of await listViewLines(session, request)) session.writer.line(line);
      return { text };
    },
  };
}
