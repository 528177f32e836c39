import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openApi } from '../../../../functions/cdc/openapi.ts';
import { REQUESTS } from '../../../../functions/cdc/requests.ts';

const FILE = join(import.meta.dirname, '..', '..', '..', '..', 'functions', 'cdc', 'openapi.json');

test('the committed document is what the schemas say; write-openapi.ts writes it anew', () => {
  expect(JSON.parse(readFileSync(FILE, 'utf8'))).toEqual(openApi());
});

test('every reference leads somewhere, and every request type has a schema', () => {
  const document = openApi() as { components: { schemas: Record<string, object> } };
  const names = Object.keys(document.components.schemas);
  const references = [...JSON.stringify(document).matchAll(/"#\/components\/schemas\/(\w+)"/g)];
  for (const [, name] of references) expect(names).toContain(name);
  for (const type of Object.keys(REQUESTS)) {
    const name = `${type[0]?.toUpperCase()}${type.slice(1)}`;
    expect(names).toContain(`${name}Request`);
    expect(names).toContain(`${name}Answer`);
  }
});

test('every member that create takes is in the document', () => {
  const text = JSON.stringify(openApi());
  const members = ['dial_config', 'db_collections', 'name_mapping', 'enable_user_role', 'dry_run', 'task_id'];
  for (const member of members) expect(text).toContain(`"${member}":`);
  expect(text).toContain('"port":{"default":0,"type":"integer"}');
});
