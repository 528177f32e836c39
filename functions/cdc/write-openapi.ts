import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openApi } from './openapi.ts';

// Writes openapi.json anew after a change of the requests:
//
//   node functions/cdc/write-openapi.ts && npm run format

writeFileSync(join(import.meta.dirname, 'openapi.json'), `${JSON.stringify(openApi(), null, 2)}\n`);
