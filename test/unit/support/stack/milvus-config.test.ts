import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parse } from 'yaml';
import {
  etcdConfig,
  type MilvusPorts,
  milvusConfig,
  type Settings,
} from '../../../support/stack/milvus-config.ts';

let folder: string;
let ports: MilvusPorts;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'milvus-config-'));
  let next = 100;
  ports = {
    proxy: 1,
    etcdClient: 2,
    etcdPeer: 3,
    other: () => {
      next += 1;
      return next;
    },
  };
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

function render(template: string, ...settings: readonly Settings[]): unknown {
  const file = join(folder, 'template');
  writeFileSync(file, template);
  return parse(milvusConfig({ template: file, folder: '/run', ports, settings }));
}

test('places of the template are filled with ports, paths or their own defaults', () => {
  const template = `
proxy: { port: {{ proxy_port(int): 19530 }}, internalPort: {{ proxy_internal_port(int): 19529 }} }
dataNode:
  port: {{ data_node_port(int): 21124 }}
rocksmq:
  path: {{ rocksmq_data_dir }}
common:
  security: { authorizationEnabled: {{ authorization_enabled(bool): false }} }
`;
  expect(render(template)).toMatchObject({
    proxy: { port: 1, internalPort: 101, ip: '127.0.0.1' },
    dataNode: { port: 102, ip: '127.0.0.1' },
    rocksmq: { path: '/run/rocksmq' },
    common: { security: { authorizationEnabled: false } },
    etcd: { endpoints: '127.0.0.1:2' },
  });
});

test('fails when the template asks for something unknown', () => {
  expect(() => render('minio: {{ minio_dir }}')).toThrow('asks for minio_dir');
});

test('settings are merged into the tree, the later ones over the earlier', () => {
  const first = { rootCoord: { dmlChannelNum: 4 }, common: { ttMsgEnabled: false } };
  const second = { rootCoord: { dmlChannelNum: 2 }, quotaAndLimits: { enabled: true } };
  expect(render('rootCoord: { dmlChannelNum: 16, maxDatabaseNum: 64 }', first, second)).toMatchObject({
    rootCoord: { dmlChannelNum: 2, maxDatabaseNum: 64 },
    common: { ttMsgEnabled: false },
    quotaAndLimits: { enabled: true },
  });
});

test('etcd listens on the loopback interface, on the ports given', () => {
  expect(parse(etcdConfig(ports))).toMatchObject({
    'listen-client-urls': 'http://127.0.0.1:2',
    'listen-peer-urls': 'http://127.0.0.1:3',
    'initial-cluster': 'default=http://127.0.0.1:3',
  });
});
