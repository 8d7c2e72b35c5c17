export { delimiterLine, listViewLines, mailboxLine, nonExistentLine } from './lines.ts';
export { ownListLines } from './own-line.ts';
export { parseListCommand } from './request.ts';
