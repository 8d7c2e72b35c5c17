export { delimiterLine, listViewLines } from './lines.ts';
export { parseListCommand } from './request.ts';
