import { join } from 'node:path';
import { type Artifact, fetched } from './cache.ts';
import { requireTool, runTool } from './tools.ts';

const VERSION = '1.58.0';

const cfnLint: Artifact = {
  name: `cfn-lint-${VERSION}`,
  make: async (folder) => {
    requireTool('python3');
    const pip = [
      '-m',
      'pip',
      'install',
      '--quiet',
      '--disable-pip-version-check',
      '--root-user-action=ignore',
    ];
    // A folder of packages, unlike a virtual environment, may be moved; and it leaves the machine's Python alone.
    const args = [...pip, '--no-warn-conflicts', '--target', 'lib', '--upgrade', `cfn-lint==${VERSION}`];
    await runTool({ command: 'python3', args, cwd: folder, show: true });
  },
};

/** A folder for PYTHONPATH that holds cfn-lint (MIT-0 licence) as published on PyPI, with what it needs. */
export async function cfnLintPackages(): Promise<string> {
  return join(await fetched(cfnLint), 'lib');
}
