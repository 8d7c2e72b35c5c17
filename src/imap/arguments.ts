import { Parser } from './wire/parser.ts';
import type { IncomingCommand } from './wire/reader.ts';

/** A parser that stands behind the command's name, at the space or the end. */
export function argumentsOf(command: IncomingCommand): Parser {
  return new Parser(command.segments, command.tag.length + 1 + command.name.length);
}

/** A string, and the command's end behind it. */
export function lastArgument(parser: Parser): string {
  parser.space();
  const octets = parser.astring();
  parser.end();
  return octets;
}
