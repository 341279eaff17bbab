/** @file Verbs that ask a model, and that write it down. */

import { Option } from 'commander';
import type { EngineName } from '../../protocol/engines';
import { experimentFormat, exportFormatNames, valuesOfFormat } from '../../protocol/export-formats';
import { formatNumber, formatQuantity, formatShare } from '../../protocol/format';
import type { InspectedDistribution, InspectedPosition, InspectResult } from '../../protocol/inspection-records';
import { schedulers } from '../../protocol/torchrun';
import type { complete } from '../commands/complete';
import type { ExportOptions } from '../commands/export';
import type { inspect } from '../commands/inspect';
import { engineOption, positive, tokenIds, wholeNumber } from './arguments';
import { print } from './printing';
import type { JsonOption, Verbs } from './verbs';

const allFormats = [...exportFormatNames, experimentFormat];

/** What each format may store. */
const formatValues = (): string =>
  exportFormatNames
    .filter((format) => valuesOfFormat(format).length > 0)
    .map((format) => `${valuesOfFormat(format).join(', ')} (${format})`)
    .join('; ');

export function addModelVerbs({ verb }: Verbs): void {
  verb(
    'inspect <target>',
    'soft labels and soft predictions of a text; TARGET is a run, RUN/controls/NAME, RUN/seeds/N or a model’s folder',
  )
    .addOption(engineOption())
    .option('--text <text>', 'the text')
    .option('--pair <text>', 'the second text of a pair')
    .option('--ids <ids>', 'token ids instead of a text, for a folder without a tokenizer', tokenIds)
    .option('--file <dataset>', 'take the text from a dataset')
    .option('--row <n>', 'row of the dataset, from 1', wholeNumber)
    .option('--temperature <t>', 'divides the logits', positive, 1)
    .option('--top <k>', 'tokens listed at each position', wholeNumber, 10)
    .option('--tensors <out.safetensors>', 'keep logits and hidden states in float32')
    .action(async (target: string, { json, ...options }: JsonOption & Parameters<typeof inspect>[1]) => {
      const { inspect } = await import('../commands/inspect');
      const result = await inspect(target, options);
      print(json === true, result, () => embeddingsText(result) ?? result.positions.map(positionText).join('\n'));
    });
  verb('complete <target>', 'teacher and student continue a prompt')
    .addOption(engineOption())
    .requiredOption('--prompt <text>', 'the prompt')
    .option('--max-new-tokens <n>', 'at most so many tokens', wholeNumber, 64)
    .option('--sample', 'draw tokens instead of taking the most probable')
    .option('--sampling-temperature <t>', 'with --sample: below 1 sharper, above 1 flatter', positive, 1)
    .option('--top-k <k>', 'with --sample: only from the k most probable', wholeNumber)
    .option('--top-p <p>', 'with --sample: only from the fewest that reach this probability', positive)
    .option('--seed <n>', 'with --sample: the same seed, the same text', wholeNumber, 1)
    .action(async (target: string, options: CompleteArguments) => {
      const { complete } = await import('../commands/complete');
      const result = await complete(target, completeOptions(options));
      const sides = [
        result.teacher && `teacher: ${result.prompt}${result.teacher.text}`,
        result.student && `student: ${result.prompt}${result.student.text}`,
      ];
      print(options.json === true, result, () => sides.filter(Boolean).join('\n\n'));
    });
  verb(
    'export <run>',
    'a run’s student as a Hugging Face folder, an ONNX or a GGUF file; RUN as for inspect. --format torchrun: what an experiment file or a run needs to train on PyTorch elsewhere',
  )
    .option('--to <dir>', 'a folder that does not exist yet; NAME-student here if left out')
    .addOption(new Option('--out <dir>', 'the same').hideHelp().conflicts('to'))
    .addOption(new Option('--format <format>', 'what is written').choices(allFormats).default('huggingface'))
    .addOption(
      new Option(
        '--where <scheduler>',
        'with --format torchrun: what starts it, instead of what the file names',
      ).choices(schedulers),
    )
    .option('--values <type>', `how weights are stored: ${formatValues()}`)
    .action(async (run: string, { json, out, ...given }: JsonOption & ExportOptions & { out?: string }) => {
      const options = { ...given, to: given.to ?? out };
      const { exportModelOf } = await import('../commands/export');
      const result = await exportModelOf(run, options);
      const what = options.format === experimentFormat ? 'experiment' : 'model';
      const lines = [`${result.directory} holds the ${what}: ${result.files.join(', ')}`, ...result.notes];
      print(json === true, result, () => lines.join('\n'));
    });
}

/** Of a text's embedding, or those of a pair: what has tokens, and of none of them a distribution. Undefined of anything else. */
function embeddingsText({ labels, tokens, positions }: InspectResult): string | undefined {
  const [{ label, teacher, student, values }] = positions as [InspectedPosition];
  if (labels !== 'similarity' && (tokens === undefined || (teacher ?? student ?? values) !== undefined))
    return undefined;
  const cosines = positions.flatMap(({ cosine }) => (cosine === undefined ? [] : [formatNumber(cosine)]));
  const side = (name: string, value: number | undefined): string =>
    value === undefined ? '' : `  ${name} ${formatNumber(value)}`;
  const score = typeof label === 'number' ? `, score ${formatNumber(label)}` : '';
  const lines = [
    cosines.length > 0 && `cosine to teacher  ${cosines.join(' and ')}`,
    values && `similarity${side('teacher', values.teacher)}${side('student', values.student)}${score}`,
  ].filter(Boolean);
  return lines.length > 0
    ? lines.join('\n')
    : 'One embedding of one text is compared with nothing: name a run, or give a second text by --pair. --tensors keeps it.';
}

function positionText({ token, label, kl, teacher, student, values }: InspectedPosition): string {
  const side = (name: string, distribution: InspectedDistribution | undefined): string | undefined =>
    distribution &&
    `  ${name}  entropy ${formatQuantity(distribution.entropy)}  ${distribution.top
      .map((entry) => `${JSON.stringify(entry.token)} ${formatShare(entry.probability)}`)
      .join('  ')}`;
  const number = (name: string, value: number | undefined): string | undefined =>
    value === undefined ? undefined : `  ${name}  ${formatNumber(value)}`;
  const shown = typeof label === 'number' ? `hard label ${formatNumber(label)}` : JSON.stringify(token);
  const title = token === '' ? 'prediction' : shown;
  const divergence = kl === undefined ? '' : `  KL ${formatQuantity(kl)}`;
  const said = values
    ? [number('teacher', values.teacher), number('student', values.student)]
    : [side('teacher', teacher), side('student', student)];
  return [`${title}${divergence}`, ...said].filter(Boolean).join('\n');
}

interface CompleteArguments extends JsonOption {
  engine: EngineName | 'auto';
  prompt: string;
  maxNewTokens: number;
  sample?: boolean;
  samplingTemperature: number;
  topK?: number;
  topP?: number;
  seed: number;
}

function completeOptions(options: CompleteArguments): Parameters<typeof complete>[1] {
  const { engine, prompt, maxNewTokens, sample, samplingTemperature, topK, topP, seed } = options;
  return {
    engine,
    prompt,
    maxNewTokens,
    sampling: sample ? { temperature: samplingTemperature, seed, topK, topP } : undefined,
  };
}
