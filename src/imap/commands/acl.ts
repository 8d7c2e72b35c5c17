import { lastArgument } from '../arguments.ts';
import { Refusal, SyntaxFailure } from '../errors.ts';
import { existingView } from '../mailbox.ts';
import { rightsOn } from '../rights.ts';
import { namesOf } from '../state.ts';
import type { Parser } from '../wire/parser.ts';
import type { PlainCommand } from './types.ts';

/** RFC 4314 section 3.5. */
export const myRights: PlainCommand = {
  name: 'MYRIGHTS',
  state: 'authenticated',
  mayExpunge: true,
  async run(session, parser) {
    const view = await existingView(session, lastArgument(parser));
    session.writer.line(`* MYRIGHTS ${session.encodeMailbox(namesOf(session).name(view))} ${rightsOn(view)}`);
    return { text: 'Myrights completed.' };
  },
};

/** RFC 4314 sections 3.1 to 3.4: these need the right to administer, which nobody has on a view. */
export const getAcl = administration('GETACL', () => {});
export const listRights = administration('LISTRIGHTS', identifier);
export const deleteAcl = administration('DELETEACL', identifier);
export const setAcl = administration('SETACL', parser => {
  identifier(parser);
  parser.space();
  const rights = parser.astring();
  if (!/^[+-]?[a-z0-9]*$/.test(rights)) throw new SyntaxFailure('Invalid rights');
});

function identifier(parser: Parser): void {
  parser.space();
  parser.astring();
}

function administration(name: string, rest: (parser: Parser) => void): PlainCommand {
  return {
    name,
    state: 'authenticated',
    mayExpunge: true,
    async run(session, parser) {
      parser.space();
      const mailbox = parser.astring();
      rest(parser);
      parser.end();
      await existingView(session, mailbox);
      throw new Refusal(
        'NOPERM',
        'I diritti su questa cartella sono fissi: non si possono vedere in dettaglio o cambiare.',
      );
    },
  };
}
