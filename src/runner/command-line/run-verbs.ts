/** @file Verbs that train, and that put side by side what was trained. */

import path from 'node:path';
import { Option, type Command } from 'commander';
import type { StudyOptions } from '../../experiment/sweep/study';
import { engineNames } from '../../protocol/engines';
import type { StudyKind } from '../../protocol/records';
import { torchrunEngine } from '../../protocol/torchrun';
import type { ResumeOptions, RunOutput, StartOptions } from '../commands/start-run';
import type { RunResult } from '../run/carry-out';
import { counts, numbers, wholeNumber } from './arguments';
import { FAILED, print, withOutput } from './printing';
import type { JsonOption, Verbs } from './verbs';

export function addRunVerbs({ root, verb }: Verbs): void {
  const noQueue = ['--no-queue', 'do not wait for other runs on the same device'] as const;
  const onHost = [
    '--on <host>',
    'train with the engine "torchrun" on a host, over your own ssh; HOST,HOST: on several together',
  ] as const;
  const placing = (command: Command): Command =>
    command
      .option(...noQueue)
      .option(...onHost)
      .addOption(
        new Option('--engine <name>', 'instead of the one that the file names')
          .choices(['auto', ...engineNames, torchrunEngine])
          .conflicts(['on', 'slurm']),
      )
      .option('--slurm', 'train as a job of Slurm, submitted here or, with --on, from a host');
  placing(verb('run <file>', 'run an experiment file')).action(
    async (file: string, { json, ...options }: JsonOption & StartOptions) => {
      const { startRun } = await import('../commands/start-run');
      await finishRun(json, (output) => startRun(file, output, options));
    },
  );
  verb('resume <run>', 'go on with a run that was stopped or killed')
    .option(...noQueue)
    .option('--with-control', 'train the control too, the same student without distillation, where the run has none')
    .addOption(
      new Option('--engine <name>', 'go on with another engine').choices(['auto', ...engineNames, torchrunEngine]),
    )
    .option(...onHost)
    .option('--processes <n>', 'of each host, where the engine is "torchrun"; the curve stays the same', wholeNumber)
    .option('--take-over', 'from a process in another container or on another machine, which you know has ended')
    .action(async (run: string, { json, ...options }: JsonOption & ResumeOptions) => {
      const { resumeRun } = await import('../commands/start-run');
      await finishRun(json, (output) => resumeRun(run, output, options));
    });
  placing(
    verb('sweep <file>', 'run every combination of an experiment’s sweep, or go on with those that are left'),
  ).action(async (file: string, { json, ...options }: JsonOption & StartOptions) => {
    const { runSweep } = await import('../commands/sweep');
    const { sweepText } = await import('../sweep/sweep-table');
    const result = await withOutput((output) => runSweep(file, output, options));
    print(json === true, result, () => sweepText(result));
    if (result.rows.some(({ status }) => status === 'failed')) process.exitCode = FAILED;
  });
  const study = root
    .command('study')
    .description('run an experiment’s variants to answer a question, or go on with those that are left')
    .exitOverride();
  const question = (kind: StudyKind, description: string): Command =>
    placing(study.command(`${kind} <file>`))
      .description(description)
      .option('--json', 'print one JSON document on standard output')
      .exitOverride()
      .action(async (file: string, { json, ...options }: JsonOption & StartOptions & StudyOptions) => {
        const { runStudy } = await import('../commands/study');
        const { studyText } = await import('../report/study-report');
        const result = await withOutput((output) => runStudy(kind, file, output, options));
        print(json === true, result, () => studyText(result));
        if (result.rows.some(({ status }) => status === 'failed')) process.exitCode = FAILED;
      });
  question('labels', 'how many labels the teacher saves: student and control at growing numbers of labels')
    .option('--labels <counts>', 'numbers of labels instead of 50, 100, 200, … up to all', counts(1))
    .option('--unlabelled <counts>', 'numbers of texts without labels instead of 0, 1000, 5000 and all', counts(0));
  question('families', 'whether distillation gives an encoder or a decoder of the same size more');
  question('temperature', 'which temperature and α are best: a map of both')
    .option('--temperatures <values>', 'instead of 1, 2, 4 and 8', numbers(Number.MIN_VALUE, Infinity))
    .option('--alphas <values>', 'instead of 0.3, 0.6 and 0.9', numbers(0, 1));
  verb('compare <run...>', 'results of finished runs side by side').action(
    async (runs: string[], { json }: JsonOption) => {
      const { compareRuns } = await import('../commands/compare');
      const { terminalTable } = await import('../report/comparison-table');
      const comparison = await compareRuns(runs);
      print(json === true, comparison, () => terminalTable(comparison));
    },
  );
}

async function finishRun(json: boolean | undefined, run: (output: RunOutput) => Promise<RunResult>): Promise<void> {
  const toText = await runTexts();
  const result = await withOutput(run);
  print(json === true, result, () => toText(result));
}

/** What a person reads of a run's end. */
export async function runTexts(): Promise<(result: RunResult) => string> {
  const { findings, terminalBars, terminalTable } = await import('../report/comparison-table');
  return ({ run, directory, status, summary }) => {
    if (!summary) return `${status}; go on with: distillery resume ${run}`;
    const student = `${path.join(directory, 'student')} holds the student.`;
    return [terminalTable(summary), terminalBars(summary), findings(summary), student].join('\n');
  };
}
