import { argumentsOf, lastArgument } from '../arguments.ts';
import { ownRoots } from '../commands/quota.ts';
import type { Completion } from '../commands/types.ts';
import { quotaLine, quotaRootNames } from '../quota/index.ts';
import type { Session } from '../session.ts';
import { literalMark } from '../wire/literal.ts';
import type { IncomingCommand } from '../wire/reader.ts';
import type { ForwardHooks } from './forward.ts';

/** Whether a GETQUOTA is about one of our roots. */
export function namesOwnRoot(session: Session, command: IncomingCommand): boolean {
  const name = firstArgument(command);
  return ownRoots(session).some(root => root === name);
}

/**
 * GETQUOTAROOT of an upstream's folder: its own answer, and for INBOX, whose quota clients show as that of the whole
 * account, ours behind it.
 */
export function quotaRootHooks(
  session: Session,
  command: IncomingCommand,
): Pick<ForwardHooks, 'capture' | 'beforeAnswer'> {
  const roots = firstArgument(command)?.toUpperCase() === 'INBOX' ? ownRoots(session) : [];
  if (roots.length === 0) return {};
  return {
    capture: line => {
      if (!/^\* QUOTAROOT /i.test(line.toString('latin1', 0, 16)) || literalMark(line) !== null) return null;
      const own = Buffer.from(`${quotaRootNames(roots)}\r\n`);
      session.writer.relay(Buffer.concat([line, own]));
      return 'drop';
    },
    beforeAnswer: async answer => {
      if (answer.status !== 'OK') return;
      for (const root of roots) session.writer.line(await quotaLine(session, root));
      await session.writer.flush();
    },
  };
}

/** The same where the upstream knows no quota. */
export async function answerQuotaRoot(session: Session, command: IncomingCommand): Promise<Completion> {
  const parser = argumentsOf(command);
  const mailbox = lastArgument(parser);
  const roots = mailbox.toUpperCase() === 'INBOX' ? ownRoots(session) : [];
  const name = session.encodeMailbox(session.decodeMailbox(mailbox));
  session.writer.line(`* QUOTAROOT ${name}${quotaRootNames(roots)}`);
  for (const root of roots) session.writer.line(await quotaLine(session, root));
  return { text: 'Getquotaroot completed.' };
}

/** The octets of a string argument; null when the command is malformed. */
function firstArgument(command: IncomingCommand): string | null {
  try {
    const parser = argumentsOf(command);
    parser.space();
    return parser.astring();
  } catch {
    return null;
  }
}
