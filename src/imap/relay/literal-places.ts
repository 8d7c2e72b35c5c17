import type { IncomingCommand } from '../wire/reader.ts';

/** How many strings a command begins with; behind them there is none. The rest may hold some anywhere. */
const STRINGS = new Map<string, number>(
  Object.entries({
    CANCELUPDATE: 0,
    CHECK: 0,
    CLOSE: 0,
    COPY: 2,
    CREATE: 1,
    DELETE: 1,
    DELETEACL: 2,
    EXAMINE: 1,
    EXPUNGE: 0,
    GETACL: 1,
    GETQUOTA: 1,
    GETQUOTAROOT: 1,
    IDLE: 0,
    LISTRIGHTS: 2,
    MOVE: 2,
    MYRIGHTS: 1,
    NAMESPACE: 0,
    NOOP: 0,
    RENAME: 2,
    SELECT: 1,
    SETACL: 3,
    STATUS: 1,
    STORE: 0,
    SUBSCRIBE: 1,
    'UID COPY': 2,
    'UID EXPUNGE': 0,
    'UID MOVE': 2,
    'UID STORE': 0,
    UNSELECT: 0,
    UNSUBSCRIBE: 1,
  }),
);

const LITERAL = '\0';
const STRING = `(?:${LITERAL}|"(?:[^"\\\\${LITERAL}]|\\\\.)*"|[^ "${LITERAL}]+)`;

/**
 * Whether all literals of a command, the pending one included, stand where its grammar has a string. Upstreams read no
 * further than the last argument that they know: what we take for a literal would be their next command.
 */
export function literalsInPlace({ tag, name, segments, literal }: IncomingCommand): boolean {
  const strings = STRINGS.get(name);
  if (strings === undefined || (literal === null && segments.length === 1)) return true;
  const pieces = segments.map(({ kind, octets }) => (kind === 'literal' ? LITERAL : octets.toString('latin1')));
  const line = pieces.join('').slice(tag.length + 1 + name.length) + (literal === null ? '' : LITERAL);
  return new RegExp(`^(?: +${STRING}){0,${strings}}[^${LITERAL}]*$`).test(line);
}
