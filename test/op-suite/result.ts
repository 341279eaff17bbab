/** @file What a run of tfjs's op tests says, and which of them are left out. */

/** Specs that are not expected to pass. */
export interface Exclusion {
  /** Part of the full name, or of the message with which the spec fails. */
  spec?: string;
  failure?: RegExp;
  reason: string;
}

/** Full names of specs. */
export interface SuiteResult {
  passed: string[];
  failed: { name: string; problems: string[] }[];
  /** By reason. */
  leftOut: Record<string, string[]>;
  /** Reasons of exclusions that no failing spec needs. */
  unusedExclusions: string[];
}
