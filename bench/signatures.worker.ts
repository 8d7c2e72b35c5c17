import { parentPort } from 'node:worker_threads';
import { scanMessage } from '../src/mime/index.ts';
import { verifySignature } from '../src/pec/index.ts';

export interface SignatureTask {
  readonly raws: readonly Uint8Array[];
  readonly anchors: readonly Uint8Array[];
}

parentPort?.on('message', ({ raws, anchors }: SignatureTask) => {
  let valid = 0;
  for (const raw of raws) {
    const { status } = verifySignature(raw, scanMessage(raw), { anchors });
    if (status === 'valid' || status === 'valid-with-remarks') valid++;
  }
  parentPort?.postMessage(valid);
});
