/**
 * Whether a name matches a LIST pattern (RFC 3501 section 6.3.8): `*` stands for anything, `%` for anything without
 * the hierarchy delimiter. Works through all readings of the pattern at once, so no pattern takes exponential time.
 */
export function matchesPattern(name: string, pattern: string, delimiter: string): boolean {
  const tokens = [...collapse(pattern)];
  // reached[i]: the first i tokens can match what has been read of the name.
  let reached = spread(new Uint8Array(tokens.length + 1).fill(1, 0, 1), tokens);
  for (const character of name) {
    const next = new Uint8Array(tokens.length + 1);
    let any = false;
    for (let index = 0; index < tokens.length; index++) {
      if (reached[index] === 0) continue;
      const token = tokens[index];
      if (token === '*' || (token === '%' && character !== delimiter)) next[index] = 1;
      else if (token === character) next[index + 1] = 1;
      else continue;
      any = true;
    }
    if (!any) return false;
    reached = spread(next, tokens);
  }
  return reached[tokens.length] === 1;
}

/** A wildcard may match nothing: what is reached before it is reached behind it. */
function spread(reached: Uint8Array, tokens: readonly string[]): Uint8Array {
  for (let index = 0; index < tokens.length; index++) {
    if (reached[index] === 1 && (tokens[index] === '*' || tokens[index] === '%')) reached[index + 1] = 1;
  }
  return reached;
}

/** Neighbouring wildcards say what one of them says. */
function collapse(pattern: string): string {
  return pattern.replace(/[*%]{2,}/g, run => (run.includes('*') ? '*' : '%'));
}
