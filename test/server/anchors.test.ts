import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestAuthorities, type TestAuthorities } from '../../src/pec/generator/index.ts';
import { loadAnchors } from '../../src/server/anchors.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../support/temp.ts';

let temporary: TemporaryDirectory;
let authorities: TestAuthorities;
beforeAll(async () => {
  temporary = await temporaryDirectory('anchors');
  authorities = await createTestAuthorities();
});
afterAll(() => temporary.remove());

async function added(path: string): Promise<Buffer[]> {
  const system = (await loadAnchors(undefined)).length;
  return (await loadAnchors(path)).slice(system).map(der => Buffer.from(der));
}

it('authorities come from a file, or from a folder in PEM or DER', async () => {
  const { root, intermediate, signatory } = authorities;
  const file = join(temporary.path, 'gestori.pem');
  await writeFile(file, root.certificatePem + intermediate.certificatePem);
  const both = [Buffer.from(root.certificate), Buffer.from(intermediate.certificate)];
  expect(await added(file)).toEqual(both);

  const folder = join(temporary.path, 'autorita');
  await mkdir(folder);
  await expect(loadAnchors(folder)).rejects.toThrow(/no certificates/);
  await writeFile(join(folder, 'a.pem'), root.certificatePem + intermediate.certificatePem);
  await writeFile(join(folder, 'b.cer'), signatory.certificate);
  await writeFile(join(folder, 'LEGGIMI'), 'nothing');
  expect(await added(folder)).toEqual([...both, Buffer.from(signatory.certificate)]);
});
