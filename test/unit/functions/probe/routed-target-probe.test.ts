import { expect, test } from 'vitest';
import { RoutedTargetProbe } from '../../../../functions/probe/routed-target-probe.ts';
import { type TargetProbe, TargetProbeError } from '../../../../functions/probe/target-probe.ts';

const target = (uri: string) => ({ uri, connectTimeoutMs: 10_000, ignorePartition: false });

function probe(resolve: (host: string) => Promise<readonly string[]>) {
  const asked: string[] = [];
  const named = (name: string): TargetProbe => ({
    check: async (_target, _credentials, budgetMs) => {
      asked.push(name);
      expect(budgetMs).toBeLessThanOrEqual(5_000);
      return { version: name };
    },
  });
  const routed = new RoutedTargetProbe({ inside: named('inside'), outside: named('outside'), resolve });
  return { routed, asked };
}

test.each([
  ['an address of the internet', ['52.1.2.3'], 'outside'],
  ['an IPv6 address of the internet', ['2600:1f14::1'], 'outside'],
  ['an address of the private network', ['10.1.2.3'], 'inside'],
  ['an address of either kind', ['52.1.2.3', '172.16.0.9'], 'inside'],
  ['no address that is known outside', [], 'inside'],
  // Which refuses it, with a sentence.
  ['an address of the metadata service', ['169.254.169.254'], 'inside'],
])('a target with %s is tried where replicators reach it from', async (_what, addresses, where) => {
  const hosts: string[] = [];
  const { routed, asked } = probe(async (host) => {
    hosts.push(host);
    return addresses;
  });
  const facts = await routed.check(target('https://in01.example.com:19530'), undefined, 5_000);
  expect(facts.version).toBe(where);
  expect(asked).toEqual([where]);
  expect(hosts).toEqual(['in01.example.com']);
});

test('what the chosen probe says is said', async () => {
  const failing: TargetProbe = { check: () => Promise.reject(new TargetProbeError('nobody listens')) };
  const routed = new RoutedTargetProbe({ inside: failing, outside: failing, resolve: async () => [] });
  await expect(routed.check(target('http://10.0.0.1:19530'), undefined, 1_000)).rejects.toThrow(
    'nobody listens',
  );
});
