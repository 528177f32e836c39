import { join } from 'node:path';
import { type Artifact, fetched } from './cache.ts';
import { requireTool, runTool } from './tools.ts';

const VERSION = '1.5.33';

const ministack: Artifact = {
  name: `ministack-${VERSION}`,
  make: async (folder) => {
    requireTool('python3');
    const quiet = [
      '--quiet',
      '--disable-pip-version-check',
      '--no-warn-conflicts',
      '--root-user-action=ignore',
    ];
    // A folder of packages, unlike a virtual environment, may be moved; and it leaves the machine's Python alone.
    const install = [
      '-m',
      'pip',
      'install',
      ...quiet,
      '--target',
      'lib',
      '--upgrade',
      `ministack==${VERSION}`,
    ];
    await runTool({ command: 'python3', args: install, cwd: folder, show: true });
  },
};

/** A folder for PYTHONPATH that holds ministack (MIT licence) as published on PyPI, with what it needs (65 MB). */
export async function ministackPackages(): Promise<string> {
  return join(await fetched(ministack), 'lib');
}
