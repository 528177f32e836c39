import { expect, test } from 'vitest';
import { decodeRequest } from '../../../../functions/cdc/decode.ts';
import { shownRequest } from '../../../../functions/cdc/shown-request.ts';
import { viewOf } from '../../../../functions/cdc/view.ts';
import { sampleTask } from '../../../support/fakes/task-samples.ts';

function view(request: object, over: object = {}) {
  const shown = shownRequest(decodeRequest('create', request));
  return viewOf(sampleTask({ request: shown, ...over }), undefined);
}

test('62: of a login to Kafka only mechanism and protocol are shown', () => {
  const sasl = { username: 'u', password: 'p', mechanisms: 'PLAIN', security_protocol: 'SASL_SSL' };
  expect(
    view({ kafka_connect_param: { address: 'k:1', topic: 't', enable_sasl: true, sasl } }),
  ).toMatchObject({
    kafka_connect_param: {
      address: 'k:1',
      topic: 't',
      enable_sasl: true,
      sasl: { mechanisms: 'PLAIN', security_protocol: 'SASL_SSL' },
    },
  });
});

test('members come in the order of milvus-cdc’s list', () => {
  expect(Object.keys(view({}, { reason: 'x' }))).toEqual([
    'task_id',
    'milvus_connect_param',
    'kafka_connect_param',
    'collection_infos',
    'db_collections',
    'state',
    'reason',
  ]);
});

test('an empty list stays one, an absent one is null', () => {
  expect(view({ collection_infos: [] })).toMatchObject({ collection_infos: [], db_collections: null });
  expect(view({ db_collections: { d: null } })).toMatchObject({
    collection_infos: null,
    db_collections: { d: null },
  });
});

test('what a create says beside its scope is not shown', () => {
  const shown = JSON.stringify(
    view({
      name_mapping: [{ source_db: 'hidden' }],
      extra_info: { enable_user_role: true },
      disable_auto_start: true,
      rpc_channel_info: { name: 'hidden' },
      buffer_config: { size: 4711 },
    }),
  );
  expect(shown).not.toMatch(/hidden|enable_user_role|disable_auto_start|4711/);
});

test('user-info is masked in the uri and in a host that is one', () => {
  expect(view({ milvus_connect_param: { uri: 'http://u:p@h', host: 'http://u:p@h' } })).toMatchObject({
    milvus_connect_param: { uri: 'http://***@h', host: 'http://***@h' },
  });
});
