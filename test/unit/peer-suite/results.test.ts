import { expect, test } from 'vitest';
import { readOptions } from '../../peer-suite/options.ts';
import { readResults } from '../../peer-suite/results.ts';

test('a report of pytest is read test by test', () => {
  const xml = `<testsuites><testsuite name="pytest">
    <testcase classname="a.B" name="test_one" time="1.6" />
    <testcase classname="a.B" name="test_two[x-True]" time="2.2"><failure message="assert &lt;1&gt; == &quot;2&quot;&#10;more">trace</failure></testcase>
    <testcase classname="a.B" name="test_three" time="0"><skipped type="pytest.skip" message="TODO">x</skipped></testcase>
    <testcase classname="a.B" name="test_four" time="0"><error message="no server">trace</error></testcase>
  </testsuite></testsuites>`;
  expect(readResults(xml)).toEqual([
    { name: 'test_one', outcome: 'passed', seconds: 2, why: '' },
    { name: 'test_two[x-True]', outcome: 'failed', seconds: 2, why: 'assert <1> == "2"' },
    { name: 'test_three', outcome: 'skipped', seconds: 0, why: 'TODO' },
    { name: 'test_four', outcome: 'failed', seconds: 0, why: 'no server' },
  ]);
});

test('without a checkout, a source or a target there are no options', () => {
  const all = ['--checkout', '/x', '--source', 'a:1', '--target', 'b:2'];
  expect(readOptions(all)).toMatchObject({
    checkout: '/x',
    source: { host: 'a', port: '1' },
    target: { host: 'b', port: '2' },
    url: 'http://localhost:8444',
  });
  for (const missing of [0, 2, 4]) expect(readOptions(all.toSpliced(missing, 2))).toBeUndefined();
});
