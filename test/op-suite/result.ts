/** @file What a run of tfjs's op tests says, and which of them are left out. */

/** Specs that are not expected to pass. */
export interface Exclusion {
  /** Part of the full name, or of the message with which the spec fails. */
  spec?: string;
  failure?: RegExp;
  reason: string;
  /** Whether it passes on some processors. */
  mayPass?: true;
}

/** Whether a spec belongs to the part that is run, one in so many: the same ones each time, of every operation some. */
export function isInPart(spec: string, oneIn: number): boolean {
  const sum = Array.from(spec).reduce((hash, letter) => (hash * 31 + letter.codePointAt(0)!) % 1_000_003, 7);
  return sum % oneIn === 0;
}

/** Full names of specs. */
export interface SuiteResult {
  passed: string[];
  failed: { name: string; problems: string[] }[];
  /** By reason. */
  leftOut: Record<string, string[]>;
  /** Reasons of exclusions that no failing spec needs, but for those that may pass. */
  unusedExclusions: string[];
}
