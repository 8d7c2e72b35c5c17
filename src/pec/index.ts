export { classifyMessage } from './classify.ts';
export { inspectMessage } from './inspect.ts';
export { verifySignature } from './signature/index.ts';
