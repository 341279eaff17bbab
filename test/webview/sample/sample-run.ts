/** @file An invented run for the Lab's page, seeded, whose numbers hang together. For tests of layout only. */

import type { RunSnapshot } from '../../../src/protocol/lab-data';
import type { SampleProbes } from './probes';

export interface SampleRun extends SampleProbes {
  run: RunSnapshot;
}
