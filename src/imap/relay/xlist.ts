import type { Session } from '../session.ts';
import type { IncomingCommand } from '../wire/reader.ts';
import { AnswerCollector } from './answers.ts';
import { listAnswers } from './list-answer.ts';

/** XLIST, as old clients ask for what SPECIAL-USE tells today, is asked upstream as LIST: not every upstream knows it. */
export function asList(command: IncomingCommand): IncomingCommand {
  const [first, ...rest] = command.segments;
  if (first === undefined) return command;
  const start = command.tag.length + 1;
  const line = first.octets.toString('latin1');
  const octets = Buffer.from(`${line.slice(0, start)}LIST${line.slice(start + command.name.length)}`, 'latin1');
  return { ...command, name: 'LIST', segments: [{ ...first, octets }, ...rest] };
}

/** Gathers the upstream's LIST responses, and tells them as XLIST ones: INBOX is marked there. */
export class XlistAnswers {
  readonly #collector = new AnswerCollector('LIST');
  readonly capture = this.#collector.capture;
  hasArchive = false;

  tell(session: Session): void {
    for (const { flags, delimiter, name } of listAnswers(this.#collector.answers)) {
      // A name that no quoted string can hold is none that an old client could use.
      if (/[\r\n\0]/.test(name)) continue;
      if (flags.some(flag => flag.toLowerCase() === '\\archive')) this.hasArchive = true;
      const marked = name.toUpperCase() === 'INBOX' ? [...flags, '\\Inbox'] : flags;
      const told = delimiter === null ? 'NIL' : quoted(delimiter);
      session.writer.line(`* XLIST (${marked.join(' ')}) ${told} ${quoted(name)}`);
    }
  }
}

function quoted(octets: string): string {
  return `"${octets.replaceAll(/["\\]/g, '\\$&')}"`;
}
