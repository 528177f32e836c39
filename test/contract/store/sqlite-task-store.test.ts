import { describeTaskStore } from '../kits/task-store.ts';
import { sqliteHarness } from './harnesses.ts';

describeTaskStore('SqliteTaskStore', () => sqliteHarness());
