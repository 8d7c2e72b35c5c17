import { contentFields } from './content.ts';
import { envelopeOf } from './envelope.ts';
import { quote, quoteOrNil } from './imap-string.ts';
import type { MimeNode, Parameter } from './types.ts';

/** Parameters as written: names in their own case, RFC 2231 values still encoded. */
interface WireFields {
  readonly parameters: readonly Parameter[];
  readonly dispositionParameters: readonly Parameter[];
}

function wireFields(raw: Uint8Array, node: MimeNode): WireFields {
  const fields = contentFields(raw, node.headerStart, node.bodyStart, false);
  return {
    parameters: fields.contentType?.wire ?? [],
    dispositionParameters: fields.disposition?.wire ?? [],
  };
}

function parameterList(parameters: readonly Parameter[]): string {
  if (parameters.length === 0) return 'NIL';
  return `(${parameters.map(([name, value]) => `${quote(name)} ${quote(value)}`).join(' ')})`;
}

/** Disposition, language and location: what ends each BODYSTRUCTURE. */
function commonExtension(node: MimeNode, wire: WireFields): string {
  const disposition =
    node.disposition === undefined
      ? 'NIL'
      : `(${quote(node.disposition)} ${parameterList(wire.dispositionParameters)})`;
  const language = node.language.length === 0 ? 'NIL' : `(${node.language.map(quote).join(' ')})`;
  return ` ${disposition} ${language} ${quoteOrNil(node.location)}`;
}

/** Text parts always show a charset (RFC 2045 section 5.2). */
function withCharset(parameters: readonly Parameter[]): readonly Parameter[] {
  if (parameters.some(([name]) => name.toLowerCase() === 'charset')) return parameters;
  return [...parameters, ['charset', 'us-ascii']];
}

/** Stands for the parts of a multipart that has none, since the grammar asks for at least one; as Dovecot does. */
const NO_PARTS = '("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0 NIL NIL NIL NIL)';

function multipart(raw: Uint8Array, node: MimeNode, wire: WireFields): string {
  const parts = node.children.length > 0 ? node.children.map(child => renderBodyStructure(raw, child)) : [NO_PARTS];
  return `(${parts.join('')} ${quote(node.subtype)} ${parameterList(wire.parameters)}${commonExtension(node, wire)})`;
}

/** What stands between the size and the extension data: an embedded message, or a text's line count. */
function middle(raw: Uint8Array, node: MimeNode, embedded: MimeNode | undefined): string {
  if (embedded) return ` ${envelopeOf(raw, embedded)} ${renderBodyStructure(raw, embedded)} ${node.bodyLines}`;
  return node.type === 'text' ? ` ${node.bodyLines}` : '';
}

/**
 * BODYSTRUCTURE of a node, parentheses included (RFC 3501 section 7.4.2). An embedded message shows its own envelope and
 * structure; message/global only does so in IMAP4rev2, so here it is a part like any other.
 */
export function renderBodyStructure(raw: Uint8Array, node: MimeNode): string {
  const wire = wireFields(raw, node);
  if (node.type === 'multipart') return multipart(raw, node, wire);
  const isMessage = node.type === 'message' && node.subtype === 'rfc822';
  const embedded = isMessage ? node.children[0] : undefined;
  // Beyond the depth limit an embedded message is opaque, and must not be announced as one.
  const [type, subtype] = isMessage && !embedded ? ['application', 'octet-stream'] : [node.type, node.subtype];
  const fields = [
    quote(type),
    quote(subtype),
    parameterList(type === 'text' ? withCharset(wire.parameters) : wire.parameters),
    quoteOrNil(node.id),
    quoteOrNil(node.description),
    quote(node.encoding),
    String(node.bodyEnd - node.bodyStart),
  ].join(' ');
  return `(${fields}${middle(raw, node, embedded)} ${quoteOrNil(node.md5)}${commonExtension(node, wire)})`;
}
