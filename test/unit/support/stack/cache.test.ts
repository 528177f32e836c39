import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Artifact, fetched } from '../../../support/stack/download/cache.ts';
import { requireTool, runTool } from '../../../support/stack/download/tools.ts';

let cache: string;

beforeEach(() => {
  cache = mkdtempSync(join(tmpdir(), 'stack-cache-'));
});

afterEach(() => {
  rmSync(cache, { recursive: true });
});

/** Counts how often it was made. */
function artifact(make: Artifact['make'] = async () => {}): Artifact & { made: number } {
  const counted = {
    name: 'thing-1.0',
    made: 0,
    make: async (folder: string) => {
      counted.made += 1;
      await make(folder);
      writeFileSync(join(folder, 'server'), 'contents');
    },
  };
  return counted;
}

test('an artifact is made once, also when several ask for it at the same time', async () => {
  const thing = artifact(async () => sleep(50));
  const folders = await Promise.all([1, 2, 3].map(() => fetched(thing, cache)));
  await fetched(thing, cache);
  expect(thing.made).toBe(1);
  expect(new Set(folders)).toEqual(new Set([join(cache, 'thing-1.0')]));
  expect(readFileSync(join(cache, 'thing-1.0', 'server'), 'utf8')).toBe('contents');
});

test('an interrupted fetch leaves nothing to be used, and the next one goes on from what is there', async () => {
  let fail = true;
  const thing = artifact(async (folder) => {
    appendFileSync(join(folder, 'attempts'), 'x');
    if (fail) throw new Error('network');
  });
  await expect(fetched(thing, cache)).rejects.toThrow('network');
  expect(existsSync(join(cache, 'thing-1.0'))).toBe(false);
  fail = false;
  expect(readFileSync(join(await fetched(thing, cache), 'attempts'), 'utf8')).toBe('xx');
});

test.each([
  { damage: 'a file is missing', inflict: (file: string) => rmSync(file) },
  { damage: 'a file is truncated', inflict: (file: string) => writeFileSync(file, '') },
])('an artifact is made again when $damage', async ({ inflict }) => {
  const thing = artifact();
  const folder = await fetched(thing, cache);
  inflict(join(folder, 'server'));
  await fetched(thing, cache);
  expect(thing.made).toBe(2);
  expect(readFileSync(join(folder, 'server'), 'utf8')).toBe('contents');
});

test('fails with a sentence that says what to install when a program is missing', () => {
  expect(() => requireTool('no-such-program')).toThrow('no-such-program is not installed: install it.');
});

test('fails with the end of its output when a program fails', async () => {
  const run = { command: 'sh', args: ['-c', 'echo reason >&2; exit 4'], cwd: cache, show: false };
  await expect(runTool(run)).rejects.toThrow('sh ended with code 4:\nreason');
});
