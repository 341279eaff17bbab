/** @file Tools for language models in chat: they see runs, check and run experiments, and ask the models about a text. */

import {
  Disposable,
  l10n,
  LanguageModelTextPart,
  LanguageModelToolResult,
  lm,
  MarkdownString,
  Uri,
  workspace,
  type LanguageModelTool,
} from 'vscode';
import path from 'node:path';
import { readRunExperiment } from '../../experiment/experiment-record';
import { requireTrust } from '../base/require-trust';
import { runExperiment } from '../experiments/experiment-commands';
import type { ModelServer } from '../models/model-server';
import { inMarkdown } from '../../protocol/escapes';
import type { CheckExperiment } from '../experiments/experiment-problems';
import type { RunCommandParts } from '../runs/run-commands';
import type { ListedRun, RunList } from '../runs/run-list';
import { finding, percentDone, timeLeft } from '../runs/run-words';
import { errorForChat, problemForChat } from './chat-words';
import { toolNames, type ToolName } from './tool-names';

/** What a tool does, without how its answer is wrapped. */
interface Tool<Input> {
  /** What the person is told while it works, and asked before it where it changes something. */
  prepare?: LanguageModelTool<Input>['prepareInvocation'];
  /** Plain text or data for the model. What it throws is told to the model too, with its remedy. */
  answer: (input: Input) => Promise<unknown>;
}

export interface ToolParts extends RunCommandParts {
  models: ModelServer;
  check: CheckExperiment;
}

export function registerTools(parts: ToolParts): Disposable {
  const { runs, models } = parts;
  const tools: Record<ToolName, Tool<never>> = {
    distillery_list_runs: listRunsTool(runs),
    distillery_describe_run: describeRunTool(runs),
    distillery_validate_experiment: validateExperimentTool(parts),
    distillery_run_experiment: runExperimentTool(parts),
    distillery_inspect_text: inspectTextTool(runs, models),
  };
  return Disposable.from(...toolNames.map((name) => lm.registerTool(name, implement(tools[name] as Tool<object>))));
}

function implement({ prepare, answer }: Tool<object>): LanguageModelTool<object> {
  return {
    ...(prepare && { prepareInvocation: prepare }),
    invoke: async ({ input }) => {
      const told = await answer(input).catch((error: unknown) => {
        throw new Error(errorForChat(error));
      });
      const text = typeof told === 'string' ? told : JSON.stringify(told);
      return new LanguageModelToolResult([new LanguageModelTextPart(text)]);
    },
  };
}

/** Runs that are listed at most: a model reads every one of them. */
const mostListed = 50;

function listRunsTool(runs: RunList): Tool<object> {
  return {
    answer: async () => {
      await runs.ready();
      const listed = runs.runs.slice(0, mostListed).map(shortOf);
      return listed.length === 0
        ? 'There are no runs in this workspace yet.'
        : { runs: listed, total: runs.runs.length };
    },
  };
}

function shortOf(run: ListedRun): object {
  const { name, task, status, progress, error } = run.record;
  return {
    run: run.paths.id,
    name,
    task,
    status,
    experiment: run.origin?.file,
    temperature: run.origin?.temperature,
    ...(progress && status === 'running' && { done: percentDone(progress), left: timeLeft(progress) }),
    bestOnValidation: run.best,
    error,
    finding: finding(run),
  };
}

function describeRunTool(runs: RunList): Tool<{ run: string }> {
  return {
    answer: async ({ run: id }) => {
      const run = await findRun(runs, id);
      const { distillation, training, dataset, teacher, student, engine } = await readRunExperiment(run.paths);
      const comparison = run.record.summary?.rows;
      const experiment = { dataset, teacher, student, distillation, training, engine };
      return { ...shortOf(run), device: run.record.device, host: run.record.host, experiment, comparison };
    },
  };
}

function validateExperimentTool({ check }: ToolParts): Tool<{ file: string }> {
  return {
    answer: async ({ file }) => {
      // It opens the files that the experiment names.
      requireTrust();
      const problems = await check(fileOf(file).fsPath);
      return problems.length === 0 ? 'The experiment has no problems.' : { problems: problems.map(problemForChat) };
    },
  };
}

function runExperimentTool(parts: ToolParts): Tool<{ file: string }> {
  return {
    prepare: ({ input }) => ({
      invocationMessage: new MarkdownString(l10n.t('Starting {0}', inMarkdown(input.file))),
      confirmationMessages: {
        title: l10n.t('Run experiment?'),
        message: new MarkdownString(
          l10n.t(
            'This trains models on this machine, as "{0}" says. It may take minutes to hours.',
            inMarkdown(input.file),
          ),
        ),
      },
    }),
    answer: async ({ file }) => {
      requireTrust();
      const uri = fileOf(file);
      const problems = await parts.check(uri.fsPath);
      const errors = problems.filter(({ severity }) => severity === 'error');
      if (errors.length > 0) return { started: false, problems: errors.map(problemForChat) };
      await runExperiment(parts, uri);
      const run = parts.runs.runs.find(({ origin }) => origin?.file === uri.fsPath);
      return run ? { started: true, ...shortOf(run) } : { started: false, reason: 'It ended at once: see the log.' };
    },
  };
}

interface InspectInput {
  run: string;
  text: string;
  pair?: string;
  temperature?: number;
  label?: string;
}

function inspectTextTool(runs: RunList, models: ModelServer): Tool<InspectInput> {
  return {
    prepare: ({ input }) => ({ invocationMessage: l10n.t('Asking the models of {0}', input.run) }),
    answer: async ({ run: id, text, pair, temperature = 1, label }) => {
      requireTrust();
      const { paths } = await findRun(runs, id);
      const texts = [{ text, pair, label }];
      const [result] = await models.ask('inspect', { target: paths.directory, texts, temperature, top: 5 });
      if (!result || 'problem' in result) throw new Error(result?.problem.message ?? 'There is nothing to inspect.');
      const positions = result.positions.map(({ token, label, counted, kl, teacher, student, values, cosine }) => ({
        ...(token !== '' && { token }),
        label,
        counted,
        klNats: kl,
        teacher: teacher?.top,
        student: student?.top,
        values,
        cosineToTeacher: cosine,
      }));
      return { temperature, positions };
    },
  };
}

async function findRun(runs: RunList, id: string): Promise<ListedRun> {
  await runs.ready();
  const run = runs.find(id);
  if (run) return run;
  const known = runs.runs.slice(0, 10).map(({ paths }) => paths.id);
  throw new Error(`There is no run "${id}". Use distillery_list_runs; the latest are ${known.join(', ') || 'none'}.`);
}

/** Within the workspace: a tool opens nothing else. */
function fileOf(file: string): Uri {
  const folders = workspace.workspaceFolders ?? [];
  const candidates = path.isAbsolute(file)
    ? [Uri.file(path.normalize(file))]
    : folders.map(({ uri }) => Uri.joinPath(uri, file));
  const inside = candidates.find((uri) => workspace.getWorkspaceFolder(uri));
  if (!inside)
    throw new Error(`"${file}" is not in this workspace. Name an experiment file of it, such as spam.distill.json.`);
  return inside;
}
