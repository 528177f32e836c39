import { cpSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeImageFolder } from '../../infra/bundle.ts';

/** The replicator's image without Docker: a folder that holds what its Dockerfile copies and nothing else. */
export interface ContainerImage {
  /** Stands for the root of the container's file system. */
  readonly root: string;
  /** Absolute, on this machine, like everything else. */
  readonly workdir: string;
  readonly command: readonly [string, ...string[]];
  /** What the image sets. */
  readonly env: Readonly<Record<string, string>>;
  readonly user: string;
  readonly from: string;
  /** Turns paths of the image in a command into those on this machine. */
  toLocal(command: readonly string[]): readonly [string, ...string[]];
}

/** Builds what the image is built from into `context`, and the image's files into `root`. Knows the instructions that the
 *  Dockerfile uses and fails at every other one. */
export async function buildContainerImage(context: string, root: string): Promise<ContainerImage> {
  await writeImageFolder(context);
  const text = readFileSync(join(context, 'Dockerfile'), 'utf8');
  let [workdir, user, from] = ['/', '', ''];
  let entrypoint: readonly string[] = [];
  const env: Record<string, string> = {};
  for (const [instruction, rest] of instructionsOf(text)) {
    switch (instruction) {
      case 'FROM':
        from = rest;
        break;
      case 'WORKDIR':
        workdir = rest;
        break;
      case 'COPY': {
        const [source = '', target = ''] = rest.split(/\s+/);
        const to = join(root, target.startsWith('/') ? '' : workdir, target);
        mkdirSync(to, { recursive: true });
        cpSync(join(context, source), to, { recursive: true });
        break;
      }
      case 'ENV':
        for (const [, name = '', value = ''] of rest.matchAll(/(\w+)=(\S+)/g)) env[name] = value;
        break;
      case 'USER':
        user = rest;
        break;
      case 'ENTRYPOINT':
        entrypoint = JSON.parse(rest) as string[];
        break;
      default:
        throw new Error(`the Dockerfile has an instruction that this test does not know: ${instruction}`);
    }
  }
  const toLocal = (command: readonly string[]): readonly [string, ...string[]] => {
    const [program = '', ...args] = command;
    if (program !== 'node') throw new Error(`the image has no ${program}`);
    return [process.execPath, ...args.map((arg) => (arg.startsWith('/') ? join(root, arg) : arg))];
  };
  return { root, workdir: join(root, workdir), command: toLocal(entrypoint), env, user, from, toLocal };
}

function instructionsOf(dockerfile: string): readonly (readonly [string, string])[] {
  return dockerfile
    .replaceAll(/^\s*#.*\n/gm, '')
    .replaceAll(/\\\n/g, ' ')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [, instruction = '', rest = ''] = /^(\S+)\s+(.*)$/.exec(line.trim()) ?? [];
      return [instruction, rest.trim()] as const;
    });
}
