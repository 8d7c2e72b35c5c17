import { SyntaxFailure } from '../errors.ts';
import type { Session } from '../session.ts';
import type { LiteralMark } from '../wire/literal.ts';
import type { IncomingCommand } from '../wire/reader.ts';
import { literalsInPlace } from './literal-places.ts';
import type { Disposition } from './splitter.ts';
import type { Outstanding, TaggedAnswer, UpstreamConnection } from './upstream.ts';

export interface ForwardHooks {
  /** Passes a tagged line or a continuation request to the client. */
  readonly deliver: (line: Buffer) => void;
  /** Looks at untagged responses while the command is the oldest outstanding one; null: passed on as ever. */
  readonly capture?: (line: Buffer) => Disposition | null;
  /** Runs before the tagged answer is passed on; what comes after it waits. */
  readonly beforeAnswer?: (answer: TaggedAnswer) => Promise<void>;
  readonly answered?: (answer: TaggedAnswer) => void;
  /** The upstream asked for the command's continuation, and the client has been told. */
  readonly invited?: () => void;
  /** The upstream went away before it answered. */
  readonly lost: (tag: string) => void;
}

const NOTHING = Buffer.alloc(0);

/** What may stand behind a literal in a line that goes on (RFC 9051 section 9). */
const GOES_ON = /^[ )]/;
/** The same of APPEND: another message, or more of one that is put together (RFC 3502, 4469, 6855). */
const APPEND_GOES_ON = /^(?:\)| (?:["({~]|$|(?:CATENATE|TEXT|URL|UTF8) ))/i;

/** What may stand between the mailbox of an APPEND and a literal: flags, a date, the beginning of an extension. */
const APPEND_OPTIONS = /^(?: +\([^()]*\))?(?: +"[^"]*")?(?: *| +(CATENATE|UTF8) +\(.*)$/i;
const APPEND_EXTENSIONS = new Map([
  ['CATENATE', 'CATENATE'],
  ['UTF8', 'UTF8=ACCEPT'],
]);
const APPEND_MAILBOX = /^ *(?:"(?:[^"\\]|\\.)*"|[^ "(){]+)/;

/** Dovecot would neither ask for the literal of such a line nor refuse it, until more came. */
function isMalformedAppend({ tag, name, segments }: IncomingCommand, capabilities: ReadonlySet<string>): boolean {
  const [first, mailbox, last] = segments;
  if (name !== 'APPEND' || first === undefined) return false;
  let options = first.octets.toString('latin1', tag.length + 1 + name.length);
  if (last === undefined) {
    // The mailbox is the literal that follows.
    if (options.trim() === '') return false;
    options = options.replace(APPEND_MAILBOX, '');
  } else {
    if (segments.length > 3 || mailbox?.kind !== 'literal') return false;
    options = last.octets.toString('latin1');
  }
  const wellFormed = APPEND_OPTIONS.exec(options);
  const extension = APPEND_EXTENSIONS.get(wellFormed?.[1]?.toUpperCase() ?? '');
  return wellFormed === null || (extension !== undefined && !capabilities.has(extension));
}

/**
 * Sends a client's command upstream with its own tag, literals streamed with back-pressure and never held. Resolves
 * when the command is sent, not when it is answered: the client's pipelining is the upstream's.
 */
export async function forwardCommand(
  session: Session,
  upstream: UpstreamConnection,
  command: IncomingCommand,
  hooks: ForwardHooks,
): Promise<void> {
  if (command.literal !== null && isMalformedAppend(command, upstream.capabilities)) {
    await session.reader.refuseLiteral(command.literal);
    throw new SyntaxFailure('Invalid arguments of APPEND');
  }
  if (!literalsInPlace(command)) {
    await session.reader.refuseLiteral(command.literal);
    throw new SyntaxFailure(`Unexpected literal in ${command.name}`);
  }
  await upstream.room();
  let over = false;
  let proceed = () => {};
  const outstanding: Outstanding = {
    tag: command.tag,
    capture: hooks.capture,
    answered: (answer, line) => {
      const tell = () => {
        hooks.answered?.(answer);
        hooks.deliver(line);
        over = true;
        proceed();
      };
      if (hooks.beforeAnswer === undefined) {
        tell();
        return undefined;
      }
      return hooks.beforeAnswer(answer).then(tell);
    },
    failed: () => {
      over = true;
      hooks.lost(command.tag);
      proceed();
    },
  };
  if (hooks.invited !== undefined) {
    outstanding.invited = line => {
      hooks.deliver(line);
      hooks.invited?.();
    };
  }
  upstream.expect(outstanding);

  /** Waits for the upstream's `+` (or for its tagged refusal); `tell` also passes the `+` to the client. */
  const permission = (tell: boolean) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    proceed = resolve;
    outstanding.invited = line => {
      outstanding.invited = undefined;
      if (tell) hooks.deliver(line);
      resolve();
    };
    return promise;
  };

  /** Text that has been read and not been sent: a line goes out in one piece, for a packet of its own each costs time. */
  let text = '';
  const send = (end: string) => {
    const line = text + end;
    text = '';
    return upstream.write(line);
  };

  /** The upstream has ended the command itself, by refusing a literal instead of asking for it. */
  let refused = false;

  /**
   * Announces a literal upstream as the upstream can take it; false when its octets must not follow. Without waiting
   * they must, even behind an early refusal: the upstream counts on them (RFC 7888 section 4).
   */
  const announce = async (mark: Pick<LiteralMark, 'size' | 'binary'>, clientWaits: boolean): Promise<boolean> => {
    const nonSynchronising = !clientWaits && upstream.capabilities.has('LITERAL+');
    if (over && !nonSynchronising) return false;
    const allowed = nonSynchronising ? null : permission(clientWaits);
    await send(`${mark.binary ? '~' : ''}{${mark.size}${nonSynchronising ? '+' : ''}}\r\n`);
    if (allowed === null) return true;
    await allowed;
    refused = over;
    return !over;
  };

  upstream.sending++;
  try {
    // What has been read of the command already, argument literals included.
    for (const segment of command.segments) {
      if (segment.kind === 'text') {
        text += segment.octets.toString('latin1');
      } else {
        if (!(await announce({ size: segment.octets.length, binary: segment.binary }, false))) break;
        await upstream.write(segment.octets);
      }
    }
    // What is still on its way from the client.
    let pending = command.literal;
    const sent = [...command.segments];
    while (pending !== null) {
      if (refused || !(await announce(pending, pending.synchronising))) break;
      await session.reader.passLiteral(pending.size, piece => upstream.pass(piece));
      const rest = await session.reader.rest();
      const behind = rest.segment.octets.toString('latin1');
      text += behind;
      pending = rest.literal;
      sent.push({ kind: 'literal', octets: NOTHING, binary: false }, rest.segment);
      // Not announced: Dovecot neither asks for a literal in such a line nor refuses it, and both would wait for ever.
      const goesOn = (command.name === 'APPEND' ? APPEND_GOES_ON : GOES_ON).test(behind);
      if (!goesOn || !literalsInPlace({ ...command, segments: sent, literal: pending })) break;
    }
    if (!refused) await send('\r\n');
    // A client that waits for `+` sends nothing more; what others send is read past.
    await session.reader.refuseLiteral(pending);
  } catch (error) {
    // The client has gone in the middle of it: whatever came next would be taken as its rest.
    upstream.destroy();
    throw error;
  } finally {
    upstream.sending--;
  }
}
