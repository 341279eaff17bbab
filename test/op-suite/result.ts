/** @file What a run of tfjs's op tests says, and which of them are left out. */

/** Specs whose full name contains `spec` are not run. */
export interface Exclusion {
  spec: string;
  reason: string;
}

/** Full names of specs. */
export interface SuiteResult {
  passed: string[];
  failed: { name: string; problems: string[] }[];
  skipped: string[];
  /** Exclusions that match no spec. */
  unusedExclusions: string[];
}
