/** @file The model card that goes with an exported model: what it is and how it was made. */

import type { ResolvedExperiment } from '../../experiment/file/schema';
import { type Architecture } from '../../model/architecture';
import { parameterCount } from '../../model/config';
import { inMarkdown } from '../../protocol/escapes';
import { formatCount } from '../../protocol/format';
import type { Role, Task } from '../../protocol/records';

const pipelines: Record<Task, string> = {
  'text-classification': 'text-classification',
  'causal-lm': 'text-generation',
  'masked-lm': 'fill-mask',
};

export function modelCard(experiment: ResolvedExperiment, a: Architecture, role: Role): string {
  const { name, task } = experiment;
  return `---
library_name: transformers
pipeline_tag: ${pipelines[task]}
tags:
- distillery
---

# ${inMarkdown(name)}: ${role}

${origin(experiment, role)}

- Architecture: ${a.family}, ${a.layers} layers, width ${a.hiddenSize}, ${a.heads} heads
- Parameters: ${formatCount(parameterCount(a))}
- Vocabulary: ${formatCount(a.vocabularySize)} tokens, at most ${formatCount(a.maxPositions)} in an input
${a.labels ? `- Classes: ${a.labels.map(inMarkdown).join(', ')}\n` : ''}- Trained with seed ${experiment.training.seed}
`;
}

function origin({ distillation }: ResolvedExperiment, role: Role): string {
  const { temperature, alpha, divergence } = distillation;
  const at = (value: typeof temperature): string =>
    typeof value === 'number' ? String(value) : `${value.from} to ${value.to}`;
  switch (role) {
    case 'teacher':
      return 'The teacher of a knowledge-distillation experiment, trained on hard labels.';
    case 'student':
      return `A student distilled from a larger teacher: ${divergence} at temperature ${at(temperature)}, α = ${at(alpha)}.`;
    case 'control':
      return 'The control of a knowledge-distillation experiment: the same student, trained on hard labels alone.';
  }
}
