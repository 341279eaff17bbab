/** @file `report.md`: the result of a run, readable on its own. */

import writeFileAtomic from 'write-file-atomic';
import type { RunPaths } from '../experiment/run-paths';
import type { ResolvedExperiment } from '../experiment/schema';
import type { Comparison } from '../protocol/records';
import { findings, markdownTable } from './comparison-table';

export async function writeReport(
  paths: RunPaths,
  experiment: ResolvedExperiment,
  comparison: Comparison,
): Promise<void> {
  const { name, task, distillation, training } = experiment;
  const split = comparison.rows[0]?.split ?? 'validation';
  const settings = { distillation, training };
  const report = [
    `# ${name.replace(/\s+/g, ' ')}`,
    findings(comparison),
    `Task ${task}, measured on the ${split} split.`,
    markdownTable(comparison),
    '## Settings',
    '```json\n' + JSON.stringify(settings, undefined, 2) + '\n```',
    'Everything that was set is in `experiment.json`; every step is in `metrics.jsonl`.',
  ];
  await writeFileAtomic(paths.report, report.join('\n\n') + '\n');
}
