import fc from 'fast-check';

/** A part of a made-up message; `subtype` tells its kind. */
export interface Part {
  readonly subtype: string;
  readonly children: readonly Part[];
  readonly text: string;
  readonly preamble: string;
  readonly epilogue: string;
}

const line = fc.stringMatching(/^[ -~]{0,60}$/).map(text => text.replace(/^-/, 'x'));
const text = fc.array(line, { maxLength: 4 }).map(lines => lines.join('\r\n'));
export const { part: treeArbitrary } = fc.letrec<{ part: Part; leaf: Part; container: Part }>(tie => ({
  part: fc.oneof({ maxDepth: 5, withCrossShrink: true }, tie('leaf'), tie('container')),
  leaf: fc.record({
    subtype: fc.constantFrom('plain', 'html'),
    children: fc.constant([]),
    text,
    preamble: fc.constant(''),
    epilogue: fc.constant(''),
  }),
  container: fc.record({
    subtype: fc.constantFrom('mixed', 'related', 'rfc822'),
    children: fc.array(tie('part'), { minLength: 1, maxLength: 3 }),
    text: fc.constant(''),
    preamble: text,
    epilogue: text,
  }),
}));

/** Writes a tree as RFC 2046 says, and what the scanner must find in it. */
function write(node: Part, next: { id: number }): { raw: string; expected: string } {
  if (node.subtype === 'rfc822') {
    const inner = node.children[0] ? write(node.children[0], next) : { raw: '', expected: '' };
    return {
      raw: `Content-Type: message/rfc822\r\n\r\nSubject: x\r\n${inner.raw}`,
      expected: `rfc822[${inner.expected}]`,
    };
  }
  if (node.subtype === 'mixed' || node.subtype === 'related') {
    const boundary = `=_${next.id++}`;
    const children = node.children.map(child => write(child, next));
    const body = children.map(child => `--${boundary}\r\n${child.raw}\r\n`).join('');
    return {
      raw: `Content-Type: multipart/${node.subtype};\r\n boundary="${boundary}"\r\n\r\n${node.preamble}\r\n${body}--${boundary}--\r\n${node.epilogue}`,
      expected: `${node.subtype}[${children.map(child => child.expected).join(',')}]`,
    };
  }
  return {
    raw: `Content-Type: text/${node.subtype}\r\n\r\n${node.text}`,
    expected: `${node.subtype}:${node.text.replace(/\r\n/g, '/')}`,
  };
}

/** The message, with CRLF, and its outline: `mixed[plain:line/line,...]`. */
export function writeTree(tree: Part): { raw: string; expected: string } {
  return write(tree, { id: 10 });
}
