/** Messages as RFC 5322 and MIME write them: structure with offsets, sections, decoded text. A leaf of the layers. */
export { parseAddressList } from './address.ts';
export { bodyOf } from './body.ts';
export { isComposite } from './content.ts';
export { describeMessage } from './describe.ts';
export { partFilename } from './file-name.ts';
export { filterHeader, type HeaderFilter, headerFields, headerFilter } from './header.ts';
export { packTree, unpackTree } from './pack.ts';
export { previewText } from './preview.ts';
export { scanMessage } from './scanner.ts';
export { extractSearchText, UNREAD } from './search-text.ts';
export { locatePart, sectionRange } from './section.ts';
export { NO_SORT_KEYS, sortKeys } from './sort-keys.ts';
export { Base64Decoder, decodeBody, decodeQuotedPrintable } from './transfer.ts';
