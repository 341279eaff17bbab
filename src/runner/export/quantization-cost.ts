/** @file What it costs a model that its weights are rounded: both files answer the rows that the run is judged by. */

import { mkdtemp, rm, stat } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { batchInputs } from '../../distill/batch-inputs';
import { Evaluator } from '../../distill/evaluation/evaluator';
import { FidelityMeter } from '../../distill/teacher/fidelity';
import { inHostMemory } from '../../distill/teacher/teacher';
import { evaluationBatches } from '../../distill/training/epochs';
import { openExecutor } from '../../engine/engines';
import type { Executor } from '../../engine/executor';
import { longestRow } from '../../experiment/checks/check-dataset';
import { readRunExperiment } from '../../experiment/experiment-record';
import type { ResolvedExperiment } from '../../experiment/file/schema';
import type { Architecture } from '../../model/architecture';
import { inMarkdown } from '../../protocol/escapes';
import type { QuantizationCost } from '../../protocol/export-formats';
import { formatBytes, formatCount, formatPercent, formatQuantity } from '../../protocol/format';
import { metricFacts, type MetricKey } from '../../protocol/quality';
import type { Metrics, Split } from '../../protocol/records';
import type { RunPaths } from '../../run-directory/run-paths';
import type { ExamplesWithRows } from '../../dataset/example-store';
import { Tokenizer } from '../../tokenizer/tokenizer';
import { loadData, loadTestExamples } from '../run/data';
import { openOnnx, teacherOf, type OpenOnnx } from '../run/onnx-teacher';

/** Rows of a batch; of a model in 8 bits results depend on it a little, because inputs of products are rounded together. */
const BATCH = 32;

interface Files {
  /** The rounded model. */
  rounded: string;
  /** Writes the exact one, which is removed again. */
  writeExact: (file: string) => Promise<unknown>;
}

/** On the run's test rows; on those of validation where it has none. */
export async function measureCost(
  run: RunPaths,
  model: string,
  { labels = [], problemType }: Architecture,
  { rounded, writeExact }: Files,
): Promise<QuantizationCost> {
  const experiment = await readRunExperiment(run);
  const tokenizer = await Tokenizer.load(model);
  const aside = await mkdtemp(path.join(os.tmpdir(), 'distillery-onnx-'));
  const opened: OpenOnnx[] = [];
  const rows = await rowsOf(experiment, tokenizer, labels, aside);
  try {
    const exact = path.join(aside, 'model.onnx');
    await writeExact(exact);
    const { task, threads, dataset } = experiment;
    for (const file of [exact, rounded]) {
      opened.push(
        await openOnnx({ path: file, task, threads, maxLength: dataset.maxLength, tokenizer, labels, problemType }),
      );
    }
    const [first, second] = opened as [OpenOnnx, OpenOnnx];
    const executor = await openExecutor('cpu', { threads });
    const measured = await compare(executor, experiment, tokenizer, rows.examples, first, second);
    const bytes = { exact: first.bytes, rounded: (await stat(rounded)).size };
    return { split: rows.split, rows: rows.examples.length, bytes, ...measured };
  } finally {
    for (const { source } of opened) await source.release();
    rows.close();
    await rm(aside, { recursive: true, force: true });
  }
}

async function rowsOf(
  experiment: ResolvedExperiment,
  tokenizer: Tokenizer,
  labels: readonly string[],
  folder: string,
): Promise<{ examples: ExamplesWithRows; split: Split; close: () => void }> {
  const test = await loadTestExamples(experiment, { tokenizer, labels: [...labels] }, folder);
  if (test) return { ...test, split: 'test' };
  // Of a fraction that is held out it takes all training rows to tell which.
  const isStopping = (): boolean => false;
  const data = (await loadData(experiment, {
    folder,
    tokenizer,
    teacherLabels: labels,
    isStopping,
    onProblem: () => undefined,
  }))!;
  return { examples: data.validation, split: 'validation', close: data.close };
}

async function compare(
  executor: Executor,
  { task, dataset }: ResolvedExperiment,
  tokenizer: Tokenizer,
  examples: ExamplesWithRows,
  exact: OpenOnnx,
  rounded: OpenOnnx,
): Promise<Pick<QuantizationCost, 'metrics' | 'meanKl' | 'agreement'>> {
  const batches = evaluationBatches(examples, { task, tokenizer, batchSize: BATCH, maxLength: longestRow(dataset) });
  const metricsOf = async (one: OpenOnnx): Promise<Metrics> => {
    const evaluator = new Evaluator({ executor, task, model: one.model, teacher: teacherOf(one, executor), batches });
    const metrics = await evaluator.evaluateTeacher();
    await evaluator.release();
    return metrics;
  };
  const metrics = { exact: await metricsOf(exact), rounded: await metricsOf(rounded) };
  // Numbers have no distributions that could be apart.
  if (exact.model.problemType === 'regression') return { metrics };
  const meter = new FidelityMeter(teacherOf(exact, executor));
  const [asked, again] = [teacherOf(exact, executor).targets(), teacherOf(rounded, executor).targets()];
  for (let index = 0; index < batches.length; index++) {
    const inputs = batchInputs(batches.at(index), task);
    const answers = [await asked.of(inputs), await again.of(inputs)].map(({ prediction }) => inHostMemory(prediction!));
    await meter.add(inputs, await answers[0]!, await answers[1]!);
  }
  const { meanKl, agreement } = meter.result();
  await meter.release();
  return { metrics, meanKl, agreement };
}

const judged: readonly MetricKey[] = [
  'accuracy',
  'entityF1',
  'meanAveragePrecision',
  'macroF1',
  'rmse',
  'pearson',
  'perplexity',
  'calibrationError',
];

const measuredIn = ({ metrics }: QuantizationCost): MetricKey[] =>
  judged.filter((key) => metrics.exact[key] !== undefined);

/** In a sentence. */
export function costText(cost: QuantizationCost): string {
  const { metrics, bytes, rows, split, meanKl, agreement } = cost;
  const changes = measuredIn(cost).map((key) => {
    const { name, format } = metricFacts[key];
    return `${name} ${format(metrics.exact[key])} → ${format(metrics.rounded[key])}`;
  });
  const size = `${formatBytes(bytes.exact)} → ${formatBytes(bytes.rounded)}`;
  const apart =
    meanKl === undefined
      ? ''
      : `mean KL ${formatQuantity(meanKl)} nats, the same first choice in ${formatPercent(agreement)}; `;
  return `int8 against float32, on ${formatCount(rows)} ${split} rows: ${changes.join(', ')}; ${apart}${size}`;
}

/** For the model card. */
export function costTable(cost: QuantizationCost): string {
  const { metrics, bytes, rows, split, meanKl, agreement } = cost;
  const keys = measuredIn(cost);
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const row = (name: string, of: Metrics, size: number): string =>
    line([name, formatBytes(size), ...keys.map((key) => inMarkdown(metricFacts[key].format(of[key])))]);
  const apart =
    meanKl === undefined
      ? ''
      : `: mean KL ${inMarkdown(formatQuantity(meanKl))} nats from float32, the same first choice in ${formatPercent(agreement)}`;
  return [
    `Weights are int8, inputs of products are rounded as they come. Measured on ${formatCount(rows)} ${split} rows${apart}.`,
    [
      line(['weights', 'size', ...keys.map((key) => metricFacts[key].name)]),
      line(['---', '---:', ...keys.map(() => '---:')]),
      row('float32', metrics.exact, bytes.exact),
      row('int8', metrics.rounded, bytes.rounded),
    ].join('\n'),
  ].join('\n\n');
}
