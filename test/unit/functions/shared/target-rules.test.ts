import { describe, expect, test } from 'vitest';
import { isPublicAddress, parseTargetPattern, refusedAddress } from '#shared/target-rules.ts';

describe('an address', () => {
  test.each([
    ['127.0.0.1', 'is a loopback address'],
    ['127.255.3.4', 'is a loopback address'],
    ['::1', 'is a loopback address'],
    ['::ffff:127.0.0.1', 'is a loopback address'],
    ['::ffff:7f00:1', 'is a loopback address'],
    ['0.0.0.0', 'is a loopback address'],
    ['::', 'is a loopback address'],
    ['169.254.0.1', 'is a link-local address'],
    ['fe80::1', 'is a link-local address'],
    ['febf::1', 'is a link-local address'],
    ['fe80::1%eth0', 'is a link-local address'],
    ['::ffff:169.254.1.1', 'is a link-local address'],
    ['169.254.169.254', 'is an address of the metadata service'],
    ['::ffff:a9fe:a9fe', 'is an address of the metadata service'],
    ['169.254.170.2', 'is an address of the metadata service'],
    ['fd00:ec2::254', 'is an address of the metadata service'],
  ])('%s is refused: it %s', (address, why) => {
    expect(refusedAddress(address)).toBe(why);
  });

  test.each([
    '10.0.0.1',
    '172.31.255.1',
    '192.168.1.1',
    '100.64.0.1',
    '52.1.2.3',
    'fd00::1',
    'fec0::1',
    '2600::1',
  ])('%s is where a target may be', (address) => {
    expect(refusedAddress(address)).toBeUndefined();
  });
});

describe('a pattern of allowed targets', () => {
  test.each([
    ['milvus.example.com', 'milvus.example.com', 19530, true],
    ['milvus.example.com', 'MILVUS.example.com.', 19530, true],
    ['milvus.example.com', 'milvus.example.com.evil.org', 19530, false],
    ['milvus.example.com', 'milvusXexample.com', 19530, false],
    ['milvus.example.com:443', 'milvus.example.com', 443, true],
    ['milvus.example.com:443', 'milvus.example.com', 19530, false],
    ['*.example.com', 'a.b.example.com', 1, true],
    ['*.example.com', 'example.com', 1, false],
    ['*.example.com', 'a.example.com.evil.org', 1, false],
    ['milvus-*:19530', 'milvus-7', 19530, true],
    ['*', 'anything', 1, true],
    ['*:19530', '10.1.2.3', 19530, true],
    ['*:19530', '10.1.2.3', 443, false],
    ['10.1.2.3', '10.1.2.3', 19530, true],
    ['10.1.2.3:19530', '10.1.2.3', 19531, false],
    ['10.0.0.0/8', '10.255.0.1', 19530, true],
    ['10.0.0.0/8', '11.0.0.1', 19530, false],
    ['10.0.0.0/8', '::ffff:10.0.0.1', 19530, true],
    ['10.0.0.0/8', 'name.that.resolves.there', 19530, false],
    ['fd00::/8', '[fd12::1]', 19530, true],
    ['fd00::/8', '2600::1', 19530, false],
    ['[fd12::1]:19530', '[fd12:0::1]', 19530, true],
    ['[fd12::1]:19530', 'fd12::1', 443, false],
    ['fd12::1', '[fd12::1]', 443, true],
  ])('%s with %s:%i: %s', (text, host, port, allowed) => {
    expect(parseTargetPattern(text)?.matches(host, port)).toBe(allowed);
  });

  test.each([
    '',
    '10.0.0.0/33',
    '10.0.0/8',
    'name/8',
    'http://name',
    'name:0',
    'name:65536',
    'a b',
    'na:me',
    '(a|b)',
  ])('%j is none', (text) => {
    expect(parseTargetPattern(text)).toBeUndefined();
  });
});

test.each([
  ['52.1.2.3', true],
  ['2600:1f14::1', true],
  ['10.0.0.1', false],
  ['172.31.255.255', false],
  ['172.32.0.1', true],
  ['192.168.1.1', false],
  ['100.64.0.1', false],
  ['fd12::1', false],
  ['127.0.0.1', false],
  ['169.254.169.254', false],
  ['example.com', false],
])('whether the internet routes %s: %s', (address, expected) => {
  expect(isPublicAddress(address)).toBe(expected);
});
