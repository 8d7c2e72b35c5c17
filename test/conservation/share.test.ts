import { expect, test, vi } from 'vitest';
import { MemoryAccount } from './support/account.ts';
import { startService, temporaryDirectory } from './support/environment.ts';
import { ordinaryMessage } from './support/messages.ts';

test('day by day every package is read again, and what is damaged is told', async () => {
  const account = new MemoryAccount(await temporaryDirectory());
  for (let number = 1; number <= 3; number++) account.add(ordinaryMessage(number));
  const first = await startService(account.directory, { batch: 1 });
  await first.watch(account.store);
  await first.drain(account.address);
  await first.stop();
  const packages = await account.packages();
  expect(packages).toHaveLength(3);
  const reports = account.reports.length;
  account.damage = (message, bytes) => (message === 'm2' ? Buffer.from(bytes).fill(0x78, 20, 21) : bytes);

  const looked = new Set<string | null>();
  const setSetting = account.setSetting.bind(account);
  account.setSetting = async (key, value) => {
    if (key === 'conservation.verified') looked.add(String(value));
    return setSetting(key, value);
  };
  const service = await startService(account.directory, {}, { times: { firstRenewalCheck: 1, renewalCheck: 1 } });
  await service.watch(account.store);
  await vi.waitFor(() => expect([...looked]).toEqual(packages.map(({ packageId }) => packageId)), 20_000);
  await service.stop();
  const found = account.acts.filter(({ act }) => act === 'damage-found').map(({ detail }) => JSON.parse(detail));
  expect(new Set(found.map(detail => detail.package))).toEqual(new Set([packages[1]?.packageId]));
  const told = account.reports.slice(reports);
  expect(told.length).toBe(found.length);
  expect(told[0]?.toString()).toContain(`Subject: Un pacchetto conservato risulta alterato: ${packages[1]?.packageId}`);
});
