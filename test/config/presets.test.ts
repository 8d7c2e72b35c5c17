import { expect, test } from 'vitest';
import { loadPresets, resolveUpstream } from '../../src/config/presets.ts';

test('every provider that comes along is valid and speaks TLS', async () => {
  const presets = await loadPresets();
  expect(presets.size).toBeGreaterThan(10);
  for (const [name, preset] of presets) {
    const resolution = resolveUpstream(name, { preset: name }, presets);
    if (preset.imap === undefined) {
      expect(resolution).toHaveProperty('fault');
      continue;
    }
    expect(resolution).toMatchObject({ upstream: { kind: 'remote', imap: { tls: 'implicit', port: 993 } } });
  }
});

test('fields of the configuration win over the preset, one by one', async () => {
  const presets = await loadPresets();
  const given = { preset: 'aruba', imap: { caFile: '/ca.pem' }, sentFolder: 'Inviati' };
  expect(resolveUpstream('a', given, presets)).toEqual({
    upstream: {
      kind: 'remote',
      name: 'a',
      imap: { host: 'imaps.pec.aruba.it', port: 993, tls: 'implicit', caFile: '/ca.pem' },
      smtp: { host: 'smtps.pec.aruba.it', port: 465, tls: 'implicit' },
      sentFolder: 'Inviati',
      submission: { maxRecipients: 500, maxSize: 100_000_000 },
    },
  });
});
