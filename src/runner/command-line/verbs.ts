/** @file How verbs are added to the command line. */

import type { Command } from 'commander';

export interface Verbs {
  /** The program itself, for what prints no document. */
  root: Command;
  /** A new verb, with `--json`. */
  verb: (usage: string, description: string) => Command;
}

/** Of every such verb. */
export interface JsonOption {
  json?: boolean;
}
