import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Artifact, fetched } from './cache.ts';
import { progress, requireTool, runTool } from './tools.ts';

const VERSION = '2.3.5';

export interface MilvusFiles {
  /** The server and its libraries: both its working place and its LD_LIBRARY_PATH. */
  readonly bin: string;
  readonly configTemplate: string;
  readonly glogConfig: string;
}

/** The wheel holds the real server and its shared libraries, each as an .lzma file. */
const UNPACK = `
import glob, lzma, os, shutil, zipfile
os.makedirs('bin', exist_ok=True)
with zipfile.ZipFile(glob.glob('wheel/milvus-*.whl')[0]) as wheel:
    for entry in wheel.namelist():
        name = os.path.basename(entry)
        if entry.startswith('milvus/data/bin/') and name.endswith('.lzma'):
            target = os.path.join('bin', name[:-len('.lzma')])
            with lzma.open(wheel.open(entry)) as packed, open(target, 'wb') as unpacked:
                shutil.copyfileobj(packed, unpacked, 1 << 20)
            os.chmod(target, 0o755)
        elif entry.startswith('milvus/data/') and name in ('config.yaml.template', 'glog.conf'):
            with wheel.open(entry) as packed, open(name, 'wb') as unpacked:
                shutil.copyfileobj(packed, unpacked)
`;

const milvus: Artifact = {
  name: `milvus-${VERSION}`,
  make: async (folder) => {
    requireTool('python3');
    await python(['-c', 'import lzma, pip'], folder).catch((cause: unknown) => {
      throw new Error('python3 lacks its pip or lzma module (Debian: apt install python3-pip).', { cause });
    });
    const pip = ['-m', 'pip', 'download', '--no-deps', '--only-binary=:all:', '--disable-pip-version-check'];
    await python([...pip, '--dest', 'wheel', `milvus==${VERSION}`], folder);
    progress('unpacking the Milvus server (250 MB)');
    await python(['-c', UNPACK], folder);
    rmSync(join(folder, 'wheel'), { recursive: true });
  },
};

/** Milvus standalone as published on PyPI (58 MB to download). */
export async function milvusFiles(): Promise<MilvusFiles> {
  const folder = await fetched(milvus);
  return {
    bin: join(folder, 'bin'),
    configTemplate: join(folder, 'config.yaml.template'),
    glogConfig: join(folder, 'glog.conf'),
  };
}

async function python(args: readonly string[], cwd: string): Promise<void> {
  await runTool({ command: 'python3', args, cwd, show: true });
}
