const LF = 0x0a;
const CR = 0x0d;

/**
 * The line ends of a message as they go over the wire. A file whose first line ends with a bare LF has the line ends of
 * the system that wrote it, and every bare LF of it becomes CRLF, as mail is defined (RFC 5322 section 2.3) and as it was
 * signed (RFC 8551 section 3.1.1). Where the first line ends with CRLF the octets are left alone.
 */
export async function* withNetworkLineEnds(content: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let local: boolean | null = null;
  let last = 0;
  for await (const chunk of content) {
    if (chunk.length === 0) continue;
    if (local === null) {
      const end = chunk.indexOf(LF);
      if (end >= 0) local = (end > 0 ? chunk[end - 1] : last) !== CR;
    }
    yield local === true ? networkLineEnds(chunk, last) : chunk;
    last = chunk[chunk.length - 1] ?? 0;
  }
}

function networkLineEnds(chunk: Buffer, before: number): Buffer {
  let bare = 0;
  for (let at = chunk.indexOf(LF); at >= 0; at = chunk.indexOf(LF, at + 1)) {
    if ((at > 0 ? chunk[at - 1] : before) !== CR) bare += 1;
  }
  if (bare === 0) return chunk;
  const out = Buffer.allocUnsafe(chunk.length + bare);
  let from = 0;
  let to = 0;
  for (let at = chunk.indexOf(LF); at >= 0; at = chunk.indexOf(LF, at + 1)) {
    if ((at > 0 ? chunk[at - 1] : before) === CR) continue;
    to += chunk.copy(out, to, from, at);
    out[to++] = CR;
    from = at;
  }
  chunk.copy(out, to, from);
  return out;
}
