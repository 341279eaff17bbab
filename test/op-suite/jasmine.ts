/** @file Puts jasmine's `describe`, `it` and `expect` in place, which tfjs's tests use as globals. Import it before any of them. */

import { createRequire } from 'node:module';

/** The part of jasmine's environment that the suite uses. */
interface JasmineEnvironment {
  configure(options: { random?: boolean; specFilter?: (spec: { getFullName(): string }) => boolean }): void;
  addReporter(reporter: { specDone: (result: SpecResult) => void }): void;
  execute(): Promise<unknown>;
}

export interface SpecResult {
  fullName: string;
  status: 'passed' | 'failed' | 'pending' | 'excluded';
  failedExpectations: { message: string; stack: string }[];
}

interface JasmineCore {
  boot: (core: JasmineCore) => { getEnv: () => JasmineEnvironment };
}

const core = createRequire(import.meta.url)('jasmine-core') as JasmineCore;

export const environment = core.boot(core).getEnv();
