import { inject } from 'vitest';
import { describeTarget } from '../../contract/kits/target.ts';
import { milvusHarness } from './harness.ts';

describeTarget('MilvusTarget', () => milvusHarness(inject('stack').target.milvusAddress));
