import { readFileSync, writeFileSync } from 'node:fs';
import { SETTINGS } from '../config.ts';
import { settingsTables, withTables } from './settings-doc.ts';

// Writes the tables of SETTINGS.md anew: `node infra/config/write-settings.ts`. A test compares.
const file = new URL('../SETTINGS.md', import.meta.url);
writeFileSync(file, withTables(readFileSync(file, 'utf8'), settingsTables(SETTINGS)));
