import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { pathsOf, variableName } from '../../../../infra/config/given.ts';
import { settingsTables, withTables } from '../../../../infra/config/settings-doc.ts';
import { loadConfig, SETTINGS } from '../../../../infra/config.ts';
import { ConfigError } from '../../../../infra/local/config/problems.ts';

const document = readFileSync(new URL('../../../../infra/SETTINGS.md', import.meta.url), 'utf8');

test('the tables are what the settings say; write-settings.ts writes them anew', () => {
  expect(document).toBe(withTables(document, settingsTables(SETTINGS)));
});

test('every setting is in the document, with an example that can be read', () => {
  const examples = new Map(
    [...document.matchAll(/^\| `([\w.]+)` .*\| `([^|]*)` +\|$/gm)].map(([, path, example]) => [
      path,
      example,
    ]),
  );
  for (const path of pathsOf(SETTINGS)) {
    const example = examples.get(path);
    expect(example, path).toBeDefined();
    try {
      loadConfig({ context: { [path]: example }, env: {}, cwd: '/' });
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      // Settings beside it are missing, and files do not exist; the example itself is of the right form.
      const about = error.lines.filter((line) => line.startsWith(`${path} `));
      expect(about.filter((line) => / must | cannot be used/.test(line))).toEqual([]);
    }
  }
});

test('every setting has a variable of its own', () => {
  const names = pathsOf(SETTINGS).map(variableName);
  expect(new Set(names).size).toBe(names.length);
  expect(variableName('api.domain.certificateArn')).toBe('CDC_DEPLOY_API_DOMAIN_CERTIFICATE_ARN');
});
