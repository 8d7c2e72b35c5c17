import type { View } from '../../src/store/types.ts';
import { MARIO, message } from './harness.ts';

export { MARIO };
export const ARCHIVE: View = { tree: 'archive' };
export const MESSAGE_ID = '<inviato.1@studio.example>';
export const sentMessage = Buffer.from(message({ 'Message-ID': MESSAGE_ID }));
