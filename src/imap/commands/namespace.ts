import { namesOf } from '../state.ts';
import type { PlainCommand } from './types.ts';

/** RFC 2342: one personal namespace, so that clients show one tree. */
export const namespace: PlainCommand = {
  name: 'NAMESPACE',
  state: 'authenticated',
  mayExpunge: true,
  async run(session, parser) {
    parser.end();
    const { prefix, delimiter } = namesOf(session);
    const quotedPrefix = session.encodeMailbox(prefix);
    const quotedDelimiter = `"${delimiter.replaceAll(/["\\]/g, '\\$&')}"`;
    session.writer.line(`* NAMESPACE ((${quotedPrefix} ${quotedDelimiter})) NIL NIL`);
    return { text: 'Namespace completed.' };
  },
};
