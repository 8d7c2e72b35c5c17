/** Messages as RFC 5322 and MIME write them: structure with offsets, sections, decoded text. A leaf of the layers. */
export { parseAddressList } from './address.ts';
export { describeMessage } from './describe.ts';
export { partFilename } from './file-name.ts';
export { filterHeader, headerFields } from './header.ts';
export { packTree, unpackTree } from './pack.ts';
export { scanMessage } from './scanner.ts';
export { extractSearchText } from './search-text.ts';
export { locatePart, sectionRange } from './section.ts';
export { decodeBody } from './transfer.ts';
