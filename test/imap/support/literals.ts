/** Octets of the literals in responses as `Client` gives them. */
export function literals(lines: readonly string[]): Buffer[] {
  const found: Buffer[] = [];
  for (const line of lines) {
    for (let at = 0; ; ) {
      const mark = /~?\{(\d+)\}\r\n/g;
      mark.lastIndex = at;
      const match = mark.exec(line);
      if (match === null) break;
      const start = match.index + match[0].length;
      at = start + Number(match[1]);
      found.push(Buffer.from(line.slice(start, at), 'latin1'));
    }
  }
  return found;
}
