export { type EventGroup, type NotifyRequest, parseNotify } from './request.ts';
export { SILENCE } from './types.ts';
export { Watch } from './watch.ts';
