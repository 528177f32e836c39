import { App } from 'aws-cdk-lib';
import { CdcStack } from './stack.ts';

const app = new App();
new CdcStack(app, 'MilvusCdc');
