/** @file The model card that goes with an exported model: what it is and how it was made. */

import path from 'node:path';
import { writeAtomically } from '../../model/files/atomic';
import { nameOfEndpoint } from '../../experiment/endpoint';
import { isTrained, membersOf } from '../../experiment/ensemble';
import type { SingleSpec } from '../../experiment/file/blocks/teacher';
import type { ResolvedExperiment } from '../../experiment/file/schema';
import { type Architecture, sentenceWidth } from '../../model/architecture';
import { positionsOf } from '../../distill/pairing';
import { parameterCount } from '../../model/layouts/config';
import { controlFacts, type ControlName } from '../../protocol/controls';
import { inMarkdown } from '../../protocol/escapes';
import { formatCount, formatPercent } from '../../protocol/format';
import { imitationFacts, imitationNames } from '../../protocol/imitation';
import type { Comparison, Role, Task } from '../../protocol/records';
import { readOwnedIfThere } from '../../run-directory/owned';
import { findings, markdownIntervals, markdownTable } from './comparison-table';
import { hasLabels, isOfEmbeddings } from '../../protocol/tasks';

const pipelines: Record<Task, string> = {
  'text-classification': 'text-classification',
  'causal-lm': 'text-generation',
  'masked-lm': 'fill-mask',
  'token-classification': 'token-classification',
  'sentence-embedding': 'sentence-similarity',
};

/** How many rows a run trains on and chooses by. */
export interface CardRows {
  labelled: number;
  unlabelled: number;
  validation: number;
}

/** Files of a split that are named. */
const MOST_FILES = 5;

/** Classes that are named; config.json has all of them. */
const MOST_CLASSES = 100;

function someOf(names: readonly string[], most: number, what: string): string {
  const more = names.length - most;
  return `${names.slice(0, most).join(', ')}${more > 0 ? ` and ${formatCount(more)} more ${what}` : ''}`;
}

/** Which of a run's models it is. */
interface CardSubject {
  role: Role;
  /** Of a control. */
  control?: ControlName | undefined;
}

export function modelCard(
  experiment: ResolvedExperiment,
  a: Architecture,
  subject: CardSubject,
  rows: CardRows,
): string {
  const { name, task } = experiment;
  const { role } = subject;
  return `---
library_name: ${isOfEmbeddings(task) ? 'sentence-transformers' : 'transformers'}
pipeline_tag: ${pipelines[task]}
tags:
- distillery
---

# ${inMarkdown(name)}: ${role}

${origin(experiment, subject)}

- Architecture: ${a.family}, ${a.layers} ${a.layers === 1 ? 'layer' : 'layers'}, width ${a.hiddenSize}, ${a.heads} heads
- Parameters: ${formatCount(parameterCount(a))}
- Vocabulary: ${formatCount(a.vocabularySize)} tokens, at most ${formatCount(a.maxPositions)} in an input
${labels(a)}${embeddings(a)}${data(experiment, role, rows)}
${madeWith(experiment)}- Trained with seed ${experiment.training.seed}
`;
}

/** Models that anybody can have, by which one could be made again. */
function madeWith({ models = [] }: ResolvedExperiment): string {
  return models
    .map(({ asked, id, commit }) => `- Made with ${inMarkdown(id === undefined ? asked : `${id}, commit ${commit}`)}\n`)
    .join('');
}

function labels({ labels: names, problemType }: Architecture): string {
  if (!names) return '';
  if (problemType === 'regression')
    return `- Predicts a number: ${names.map(inMarkdown).join(', ')} (in a pipeline of transformers: \`function_to_apply="none"\`)\n`;
  const [kind, what] =
    problemType === 'multi-label'
      ? (['Labels, of which any number applies', 'labels'] as const)
      : (['Classes', 'classes'] as const);
  return `- ${kind}: ${someOf(names.map(inMarkdown), MOST_CLASSES, what)}\n`;
}

function embeddings(a: Architecture): string {
  if (!a.embedding) return '';
  const { pooling, dense, isNormalized } = a.embedding;
  const of = {
    mean: 'the mean of the tokens',
    max: 'the largest of each element over the tokens',
    cls: 'the first token',
  };
  const through = dense ? ', through a dense layer' : '';
  return `- Embeddings: ${sentenceWidth(a)} elements, ${of[pooling]}${through}${isNormalized ? ', of length 1' : ''}\n`;
}

function data({ task, dataset, file }: ResolvedExperiment, role: Role, rows: CardRows): string {
  const of = (files: readonly string[]): string =>
    someOf(
      files.map((one) => inMarkdown(shownFile(one, path.dirname(file)))),
      MOST_FILES,
      'files',
    );
  const { train, validation, unlabelled = [] } = dataset;
  const kind = hasLabels(task) ? 'labelled rows' : 'rows';
  const trained = `- Trained on ${formatCount(rows.labelled)} ${kind} of ${of(train)}`;
  const judged = `, and ${formatCount(rows.unlabelled)} rows without labels of ${of([...train, ...unlabelled])}`;
  const chosen = `- Chosen by ${formatCount(rows.validation)} ${kind}`;
  const where = Array.isArray(validation) ? `of ${of(validation)}` : `held out, ${formatPercent(validation)} of them`;
  return `${trained}${role === 'student' && rows.unlabelled > 0 ? judged : ''}\n${chosen} ${where}`;
}

/** As the experiment names it; of a file elsewhere its name alone, for a card is given to others. */
function shownFile(file: string, base: string): string {
  const shown = path.relative(base, file);
  return shown.startsWith('..') || path.isAbsolute(shown) ? path.basename(file) : shown.replaceAll(path.sep, '/');
}

const RESULT = '\n## Result\n';

/** Adds what was measured to the card of a finished model, in place of an earlier result. A card that was taken away stays away. */
export async function tellResult(model: string, comparison: Comparison): Promise<void> {
  const file = path.join(model, 'README.md');
  const card = (await readOwnedIfThere(file))?.toString('utf8');
  if (card === undefined) return;
  const [about] = card.split(RESULT);
  const split = comparison.rows[0]?.split ?? 'validation';
  const told = [
    findings(comparison),
    `Measured on the ${split} split.`,
    markdownTable(comparison),
    markdownIntervals(comparison),
  ].filter(Boolean);
  await writeAtomically(file, `${about}${RESULT}\n${told.join('\n\n')}\n`);
}

/** Who taught the student. Of a folder or file its name alone, for a card is given to others. */
function teacherWords({ teacher, models = [] }: ResolvedExperiment): string {
  const one = (model: SingleSpec): string => {
    switch (model.source) {
      case 'endpoint':
        return inMarkdown(nameOfEndpoint(model));
      case 'onnx':
        return inMarkdown(path.basename(model.path));
      case 'run':
        return `the ${model.role} of the run ${inMarkdown(path.basename(model.run))}`;
      case 'train': {
        const { family, layers, hiddenSize } = model.architecture;
        return `a teacher trained on the labels of these rows (${family}, ${layers} layers, width ${hiddenSize})`;
      }
      case 'checkpoint': {
        const named = models.find((found) => found.path === model.path)?.asked ?? path.basename(model.path);
        return `${inMarkdown(named)}${isTrained(model) ? ', fine-tuned on the labels of these rows first' : ''}`;
      }
    }
  };
  const members = membersOf(teacher).map(({ member }) => one(member));
  return members.length === 1
    ? members[0]!
    : `${members.length} teachers together, ${someOf(members, MOST_FILES, 'of them')}`;
}

const ofPositions = (distillation: ResolvedExperiment['distillation']): string => {
  const positions = positionsOf(distillation);
  if (!positions) return '';
  const by = positions.by === 'random' ? 'drawn by lot' : `chosen by ${positions.by.replace('-', "'s ")}`;
  return `, on ${formatPercent(positions.fraction)} of the positions, ${by}`;
};

function origin(experiment: ResolvedExperiment, { role, control }: CardSubject): string {
  const { dataset, distillation } = experiment;
  const { temperature, alpha, divergence } = distillation;
  const at = (value: typeof temperature): string =>
    typeof value === 'number' ? String(value) : `${value.from} to ${value.to}`;
  const imitated = imitationNames.filter((name) => distillation[name] !== undefined);
  const named = imitated.map((name) => imitationFacts[name].imitated).join(' and ');
  const inside = named === '' ? '' : ` It has also imitated the teacher's ${named}.`;
  const apart = distillation.vocabulary === 'align' ? ' The teacher read the rows by a tokenizer of its own.' : '';
  switch (role) {
    case 'teacher':
      return 'The teacher of a knowledge-distillation experiment, trained on hard labels.';
    case 'student': {
      const whose = teacherWords(experiment);
      if (dataset.labels === 'regression') {
        return `A student distilled from ${whose}: the squared difference from its numbers, α = ${at(alpha)}.${inside}${apart}`;
      }
      if (isOfEmbeddings(experiment.task)) {
        const how =
          divergence === 'cosine-logits'
            ? 'the cosine of its embeddings'
            : 'the squared difference from its embeddings';
        return `A student distilled from ${whose}: ${how}, α = ${at(alpha)}.${inside}${apart}`;
      }
      return `A student distilled from ${whose}: ${divergence} at temperature ${at(temperature)}, α = ${at(alpha)}${ofPositions(distillation)}.${inside}${apart}`;
    }
    case 'control': {
      const smoothing = control && controlFacts[control].labelSmoothing;
      const how =
        smoothing === undefined ? 'hard labels alone' : `labels that are smoothed by ${smoothing}, without a teacher`;
      return `A control of a knowledge-distillation experiment: the same student, trained on ${how}.`;
    }
  }
}
