import type { ThreadList } from '../../store/types.ts';
import { parseThread } from '../search/parse.ts';
import { known, searchContext } from '../search/run.ts';
import { selectedOf, storeOf } from '../state.ts';
import type { PlainCommand } from './types.ts';

/** RFC 5256 section 3. */
export const thread = threadCommand('THREAD');
export const uidThread = threadCommand('UID THREAD');

function threadCommand(name: 'THREAD' | 'UID THREAD'): PlainCommand {
  const byUid = name === 'UID THREAD';
  return {
    name,
    state: 'selected',
    mayExpunge: byUid,
    async run(session, parser) {
      const selected = selectedOf(session);
      const { algorithm, criteria } = parseThread(parser, searchContext(session, selected));
      const threads = await storeOf(session).thread(selected.view, known(selected, criteria), algorithm);
      const text = formatThreads(threads, uid => (byUid ? uid : selected.numbering.numberOf(uid)));
      session.writer.line(`* THREAD${text === '' ? '' : ` ${text}`}`);
      return { text: 'Thread completed.' };
    },
  };
}

/** `(2)(3 6 (4 23)(44 7 96))`: a chain of single children in one pair of parentheses, siblings in one pair each. */
export function formatThreads({ uids, depths }: ThreadList, number: (uid: number) => number): string {
  const pieces: string[] = [];
  const siblings = siblingsAfter(depths);
  // Depths at which a parenthesis is open.
  const open: number[] = [];
  for (let index = 0; index < uids.length; index++) {
    const depth = depths[index] ?? 0;
    while (open.length > 0 && (open.at(-1) ?? 0) >= depth) {
      open.pop();
      pieces.push(')');
    }
    const uid = uids[index] ?? 0;
    const first = (depths[index - 1] ?? -1) < depth;
    const alone = depth > 0 && first && siblings[index] !== 1;
    const behindNumber = first && depth > 0 && (uids[index - 1] ?? 0) !== 0;
    if (alone && behindNumber) pieces.push(' ');
    else {
      if (behindNumber) pieces.push(' ');
      pieces.push('(');
      open.push(depth);
    }
    if (uid !== 0) pieces.push(String(number(uid)));
  }
  for (const _ of open) pieces.push(')');
  return pieces.join('');
}

/** 1 where another node of the same parent follows. */
function siblingsAfter(depths: Uint32Array): Uint8Array {
  const found = new Uint8Array(depths.length);
  const seen: boolean[] = [];
  for (let index = depths.length - 1; index >= 0; index--) {
    const depth = depths[index] ?? 0;
    if (seen[depth] === true) found[index] = 1;
    seen.length = depth;
    seen[depth] = true;
  }
  return found;
}
