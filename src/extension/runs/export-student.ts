/** @file Export Student: writes what a run has made to where it is wanted, in a format that its model has. */

import { commands, l10n, ProgressLocation, Uri, window, workspace } from 'vscode';
import path from 'node:path';
import { inLabel } from '../../protocol/escapes';
import {
  type ExportFormat,
  exportFormatNames,
  isFormatFor,
  type QuantizationCost,
  valuesOfFormat,
} from '../../protocol/export-formats';
import { formatCount } from '../../protocol/format';
import { qualityOf } from '../../protocol/quality';
import { findCompleteDirectory } from '../../run-directory/atomic-directory';
import type { ListedRun, RunList } from './run-list';
import { chooseRun } from './choose-run';
import { errorOf } from '../base/failure';
import { inform } from '../base/messages';
import { pick, type Choice } from '../base/pick';
import { requireTrust } from '../base/require-trust';
import type { StartRunner } from '../base/runner-process';

export interface ExportParts {
  runs: RunList;
  startRunner: StartRunner;
}

/** A format, and how it stores weights where there is a choice. */
interface ExportChoice {
  format: ExportFormat;
  values?: string | undefined;
}

/** Where, and in which format. */
interface ExportTarget extends ExportChoice {
  folder: Uri;
}

/** @param to a folder that does not exist yet, for a Hugging Face folder, or an ExportTarget; both are asked for where it is absent */
export async function exportStudent({ runs, startRunner }: ExportParts, given: unknown, to?: unknown): Promise<void> {
  requireTrust();
  const run = await chooseRun(
    runs,
    given,
    l10n.t('Run whose student to export'),
    ({ record }) => record.status === 'done',
  );
  if (!run) return;
  const student = await findCompleteDirectory(run.paths.model);
  if (student === undefined)
    throw new Error(l10n.t('{0} has no student yet: it is written at the end.', run.record.name));
  const target = targetIn(to) ?? (await askTarget(run));
  if (!target) return;
  const { folder, format } = target;
  const title = l10n.t('Exporting the student of {0} …', run.record.name);
  const cost = await window.withProgress({ location: ProgressLocation.Window, title: inLabel(title) }, async () => {
    if (format !== 'huggingface') return exportByRunner(startRunner, run, target);
    // Never over what is there.
    await workspace.fs.copy(Uri.file(student), folder, { overwrite: false });
    return undefined;
  });
  void offerReveal(folder, format, cost && costWords(cost, run));
}

function targetIn(to: unknown): ExportTarget | undefined {
  if (to instanceof Uri) return { format: 'huggingface', folder: to };
  const { format, folder } = (to ?? {}) as Partial<ExportTarget>;
  const isTarget = format !== undefined && exportFormatNames.includes(format) && folder instanceof Uri;
  return isTarget ? (to as ExportTarget) : undefined;
}

async function askTarget(run: ListedRun): Promise<ExportTarget | undefined> {
  const choice = await askChoice(run);
  const folder = choice && (await askFolder(run.record.name));
  return folder && { ...choice, folder };
}

async function exportByRunner(
  startRunner: StartRunner,
  run: ListedRun,
  { folder, format, values }: ExportTarget,
): Promise<QuantizationCost | undefined> {
  const args = ['export', run.paths.directory, '--to', folder.fsPath, '--format', format];
  const { ended } = startRunner(values === undefined ? args : [...args, '--values', values], {
    cwd: path.dirname(run.paths.directory),
  });
  const { code, failure, lines, document } = await ended;
  if (failure) throw errorOf(failure);
  if (code !== 0) throw new Error(lines.at(-1) ?? l10n.t('The export ended without saying why.'));
  return (document as { cost?: QuantizationCost } | undefined)?.cost;
}

/** What rounding has cost by the task's quality, where it was measured. */
function costWords({ metrics, rows }: QuantizationCost, { record }: ListedRun): string {
  const { key, title, format } = qualityOf(record.task, record.labels);
  const [exact, rounded] = [format(metrics.exact[key]), format(metrics.rounded[key])];
  return l10n.t('{0} is {1} in 8 bits, {2} in float32, on {3} rows.', title, rounded, exact, formatCount(rows));
}

/** The only format that a model has is not asked for. */
async function askChoice({ record }: ListedRun): Promise<ExportChoice | undefined> {
  const formats = exportFormatNames.filter((format) => isFormatFor(format, record.task));
  const choices = formats.flatMap(choicesOf);
  return choices.length === 1 ? choices[0]!.value : pick(choices, l10n.t('Format of the exported student'));
}

function choicesOf(format: ExportFormat): Choice<ExportChoice>[] {
  const { label, detail } = titlesOf(format);
  const values = valuesOfFormat(format);
  if (values.length === 0) return [{ label, detail, value: { format } }];
  return values.map((stored) => ({
    label,
    description: titleOfValues(stored),
    detail,
    value: { format, values: stored },
  }));
}

function titlesOf(format: ExportFormat): { label: string; detail: string } {
  const titles: Record<ExportFormat, { label: string; detail: string }> = {
    huggingface: { label: l10n.t('Hugging Face folder'), detail: l10n.t('Python transformers loads it as it is.') },
    onnx: {
      label: 'ONNX',
      detail: l10n.t('One file for onnxruntime, in any language, with the tokenizer beside it.'),
    },
    gguf: { label: 'GGUF', detail: l10n.t('One file for llama.cpp and the programs that are built on it.') },
  };
  return titles[format];
}

function titleOfValues(values: string): string {
  const titles: Record<string, string> = {
    f16: l10n.t('float16, half the size'),
    f32: l10n.t('float32, exactly as trained'),
    int8: l10n.t('8 bits (int8), with what that costs in its model card'),
    q8_0: l10n.t('8 bits (Q8_0), a quarter of the size'),
  };
  return titles[values] ?? values;
}

async function askFolder(name: string): Promise<Uri | undefined> {
  const openLabel = l10n.t('Export Here');
  const picked = await window.showOpenDialog({ canSelectFiles: false, canSelectFolders: true, openLabel });
  return picked?.[0] && Uri.joinPath(picked[0], `${name.replace(/[^\p{L}\p{N}]+/gu, '-')}-student`);
}

async function offerReveal(folder: Uri, format: ExportFormat, cost: string | undefined): Promise<void> {
  const reveal = l10n.t('Reveal');
  const name = path.basename(folder.fsPath);
  const words =
    format === 'huggingface'
      ? l10n.t('The student is in {0}. Python transformers loads it as it is.', name)
      : l10n.t('The student is in {0}.', name);
  if ((await inform([words, cost].filter(Boolean).join(' '), reveal)) !== reveal) return;
  const isOpen = workspace.getWorkspaceFolder(folder) !== undefined;
  await commands.executeCommand(isOpen ? 'revealInExplorer' : 'revealFileInOS', folder);
}
