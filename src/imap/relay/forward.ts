import type { Session } from '../session.ts';
import type { LiteralMark } from '../wire/literal.ts';
import type { IncomingCommand } from '../wire/reader.ts';
import type { Outstanding, TaggedAnswer, UpstreamConnection } from './upstream.ts';

export interface ForwardHooks {
  /** Passes a tagged line or a continuation request to the client. */
  readonly deliver: (line: Buffer) => void;
  /** Runs before the tagged answer is passed on; what comes after it waits. */
  readonly beforeAnswer?: (answer: TaggedAnswer) => Promise<void>;
  readonly answered?: (answer: TaggedAnswer) => void;
  /** The upstream asked for the command's continuation, and the client has been told. */
  readonly invited?: () => void;
  /** The upstream went away before it answered. */
  readonly lost: (tag: string) => void;
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
  let over = false;
  let proceed = () => {};
  const outstanding: Outstanding = {
    tag: command.tag,
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

  /** Announces a literal upstream as the upstream can take it; false when the command has been refused. */
  const announce = async (mark: Pick<LiteralMark, 'size' | 'binary'>, clientWaits: boolean): Promise<boolean> => {
    const nonSynchronising = !clientWaits && upstream.capabilities.has('LITERAL+');
    const allowed = nonSynchronising ? null : permission(clientWaits);
    await upstream.write(`${mark.binary ? '~' : ''}{${mark.size}${nonSynchronising ? '+' : ''}}\r\n`);
    await allowed;
    return !over;
  };

  // What has been read of the command already, argument literals included.
  for (const segment of command.segments) {
    if (segment.kind === 'text') {
      await upstream.write(segment.octets);
    } else {
      if (!(await announce({ size: segment.octets.length, binary: segment.binary }, false))) break;
      await upstream.write(segment.octets);
    }
  }
  // What is still on its way from the client.
  let pending = command.literal;
  while (pending !== null) {
    if (over || !(await announce(pending, pending.synchronising))) {
      // Refused: a client that waits for `+` sends nothing more; what others send is read past.
      await session.reader.refuseLiteral(pending);
      return;
    }
    for await (const piece of session.reader.literal(pending.size)) await upstream.write(piece);
    const rest = await session.reader.rest();
    await upstream.write(rest.segment.octets);
    pending = rest.literal;
  }
  if (!over) await upstream.write('\r\n');
}
