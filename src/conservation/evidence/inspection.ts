/** Checks a package as a stranger would: digests, signatures, stamps, hash tree, renewals. Work for a worker thread. */
import { createHash, X509Certificate } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { readSignedData } from '../../pki/cms.ts';
import { contentOf, wholeOf } from '../../pki/der.ts';
import { pemDecodeAll } from '../../pki/pem.ts';
import { checkSigner } from '../../pki/verify-signer.ts';
import { EvidenceError } from '../errors.ts';
import { documentName } from '../metadata/document.ts';
import { signerParts } from '../signature/cms.ts';
import { checkTimestampToken } from '../timestamp/response.ts';
import { EVIDENCE_FILES } from '../types.ts';
import { PackageProof } from './proof.ts';
import { StampFault, verifyEvidenceRecord } from './record.ts';
import { renewalName } from './renewal.ts';
import { type PackageSeal, readSeal } from './seal.ts';

/** One thing that was checked; `file` is the name that it is about. */
interface Finding {
  readonly file: string;
  /** What was checked, Italian. */
  readonly check: string;
  /** Why it failed; null when it is good. */
  readonly fault: string | null;
}

export interface StampFacts {
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly digest: 'sha256' | 'sha384' | 'sha512';
  readonly authority: string;
  /** Until when its certificate is valid. */
  readonly expires: number;
  /** DER, the TSA's own certificate first. */
  readonly certificates: readonly Uint8Array[];
}

export interface Inspection {
  readonly findings: readonly Finding[];
  /** The stamps over the hash tree, oldest first, as far as they hold. */
  readonly stamps: readonly StampFacts[];
  /** The stamp inside the signature; null when there is none that holds. */
  readonly signatureStamp: StampFacts | null;
}

/** Never throws for what is wrong with the package: that is a finding. */
export async function inspectPackage(directory: string): Promise<Inspection> {
  const findings: Finding[] = [];
  const stamps: StampFacts[] = [];
  let signatureStamp: StampFacts | null = null;
  const check = async (file: string, what: string, work: () => unknown): Promise<boolean> => {
    try {
      await work();
      findings.push({ file, check: what, fault: null });
      return true;
    } catch (error) {
      findings.push({ file, check: what, fault: error instanceof Error ? error.message : String(error) });
      return false;
    }
  };
  const read = async (name: string): Promise<Buffer> => readFile(join(directory, name));
  const { index, signedIndex, report, signedReport, timestamp, top, leaves, signerChain } = EVIDENCE_FILES;

  const seal = await sealOf(directory, check);
  if (seal !== null) {
    for (const [name, expected] of Object.entries(seal.files)) {
      await check(name, 'Il file è quello chiuso nel pacchetto', async () => {
        const found = await digestOf(join(directory, name));
        if (found.size !== expected.size || found.sha256 !== expected.sha256) {
          throw new EvidenceError('is not what was sealed');
        }
      });
    }
  }
  const names = [
    [signedIndex, index, "La firma sull'indice è integra"],
    [signedReport, report, 'La firma sul rapporto di versamento è integra'],
  ] as const;
  for (const [signed, content, what] of names) {
    await check(signed, what, async () => {
      checkSignature(await read(signed), await read(content), await read(signerChain));
    });
  }
  await check(signedIndex, 'La marca temporale nella firma è integra', async () => {
    signatureStamp = signatureTimestamp(await read(signedIndex));
  });
  await check(index, "L'indice firmato elenca i documenti del pacchetto", async () => {
    const hashes = (await read(index)).toString('latin1').matchAll(/>([0-9a-f]{64})</g);
    const listed = new Set([...hashes].map(([, hash]) => hash));
    for (const { sha256 } of seal?.messages ?? []) mustList(listed, sha256, documentName(sha256));
    const documents = [EVIDENCE_FILES.checks, signedReport, EVIDENCE_FILES.metadata, EVIDENCE_FILES.journal];
    for (const name of documents) mustList(listed, (await digestOf(join(directory, name))).sha256, name);
  });

  let proof: PackageProof | null = null;
  await check(leaves, "L'albero delle impronte copre ogni messaggio", async () => {
    proof = await PackageProof.read(directory);
    await checkLeaves(proof, directory, seal);
    if (!proof.tree.top.equals(await read(top))) throw new EvidenceError(`${top} is not the top of the tree`);
  });
  await check(timestamp, "La marca temporale sull'albero e i suoi rinnovi sono integri", async () => {
    if (proof === null) throw new EvidenceError('there is no tree to check it against');
    try {
      stamps.push(...(await checkStamps(proof, directory)));
    } catch (error) {
      if (!(error instanceof StampFault) || error.stamp === 0) throw error;
      throw new EvidenceError(`${renewalName(error.stamp)}: ${error.message}`);
    }
  });
  return { findings, stamps, signatureStamp };
}

async function sealOf(
  directory: string,
  check: (file: string, what: string, work: () => Promise<unknown>) => Promise<boolean>,
): Promise<PackageSeal | null> {
  let seal: PackageSeal | null = null;
  await check(EVIDENCE_FILES.seal, 'Il pacchetto è chiuso', async () => {
    seal = await readSeal(directory);
    if (seal === null) throw new EvidenceError('is missing');
  });
  return seal;
}

function mustList(index: ReadonlySet<string | undefined>, sha256: string, name: string): void {
  if (!index.has(sha256)) throw new EvidenceError(`${name} is not in the index`);
}

async function checkLeaves(proof: PackageProof, directory: string, seal: PackageSeal | null): Promise<void> {
  const listed = new Map(proof.leaves.map(leaf => [leaf.name, leaf.sha256]));
  for (const { sha256 } of seal?.messages ?? []) {
    if (listed.get(`messaggi/${documentName(sha256)}`) !== sha256) {
      throw new EvidenceError(`message ${sha256} is not under the stamp`);
    }
  }
  for (const name of [EVIDENCE_FILES.signedIndex, EVIDENCE_FILES.journal]) {
    if (listed.get(name) !== (await digestOf(join(directory, name))).sha256) {
      throw new EvidenceError(`${name} is not under the stamp`);
    }
  }
}

/** Every stamp, first and renewed, by the record of the signed index, which lies here. */
async function checkStamps(proof: PackageProof, directory: string): Promise<StampFacts[]> {
  const facts: StampFacts[] = [];
  const file = await readFile(join(directory, EVIDENCE_FILES.signedIndex));
  verifyEvidenceRecord(
    proof.chains(proof.indexOf(EVIDENCE_FILES.signedIndex)),
    digest => createHash(digest).update(file).digest(),
    (token, digest, root) => {
      const fact = stampFacts(token, root, digest);
      const before = facts.at(-1);
      if (before !== undefined && fact.time > before.expires) {
        throw new EvidenceError('a stamp was renewed after its certificate had expired');
      }
      facts.push(fact);
      return fact.time;
    },
  );
  return facts;
}

export function stampFacts(token: Uint8Array, digest: Uint8Array, name: StampFacts['digest']): StampFacts {
  const { time, certificates } = checkTimestampToken(token, digest);
  const [leaf] = certificates;
  if (leaf === undefined) throw new EvidenceError('the stamp has no certificate');
  const certificate = new X509Certificate(leaf);
  return {
    time,
    digest: name,
    authority: certificate.subject.split('\n').join(', '),
    expires: certificate.validToDate.getTime(),
    certificates,
  };
}

function signatureTimestamp(signed: Uint8Array): StampFacts | null {
  const { signature, timestamp } = signerParts(signed);
  if (timestamp === null) return null;
  const digest = createHash('sha256').update(contentOf(signature)).digest();
  return stampFacts(wholeOf(timestamp), digest, 'sha256');
}

/** The signature holds over the content, by the certificate that the package names. */
export function checkSignature(signed: Buffer, content: Buffer, chain: Buffer): void {
  const data = readSignedData(signed);
  const [signer, second] = data.signers;
  if (signer === undefined || second !== undefined) throw new EvidenceError('one signature is expected');
  if (data.content === null || !content.equals(data.content)) throw new EvidenceError('something else was signed');
  const named = pemDecodeAll(chain.toString('latin1'))[0]?.der;
  if (named === undefined || !data.certificates.some(der => Buffer.from(der).equals(named))) {
    throw new EvidenceError('the certificate of the signer is another one');
  }
  const { publicKey } = new X509Certificate(named);
  const outcome = checkSigner(signer, data.contentType, publicKey, [() => content]);
  if (outcome !== 'good') throw new EvidenceError(`the signature does not hold (${outcome})`);
}

async function digestOf(path: string): Promise<{ readonly size: number; readonly sha256: string }> {
  const hash = createHash('sha256');
  let size = 0;
  try {
    await pipeline(createReadStream(path), async (source: AsyncIterable<Buffer>) => {
      for await (const chunk of source) {
        hash.update(chunk);
        size += chunk.length;
      }
    });
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') throw new EvidenceError('is missing');
    throw error;
  }
  return { size, sha256: hash.digest('hex') };
}
