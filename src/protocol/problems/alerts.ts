/** @file What a run warns of while it goes on. The thresholds and their reasons are in docs/alerts.md. */

import type { Entry } from './templates';

export const alerts = {
  'teacher-at-chance': {
    message:
      'The teacher is no better than always saying {label:json}: accuracy {accuracy} against {share} on validation.',
    remedy:
      'Stop the run. Train the teacher longer, or look whether it was fine-tuned for these classes and its id2label has them in their order.',
  },
  'teacher-at-frequency': {
    message:
      'The teacher is no better than saying each token as often as it occurs: perplexity {perplexity} against {frequency} on validation.',
    remedy: 'Stop the run. Train the teacher longer, or look whether it was trained with this tokenizer.',
  },
  'student-equals-teacher': {
    message:
      'The student says what the teacher says before it has learnt anything: KL {kl} nats, the same first choice in {agreement}.',
    remedy: 'Look at student.initialize, which may name the teacher itself; choose a smaller student or another start.',
  },
  'student-equals-teacher-number': {
    message: 'The student says the same numbers as the teacher before it has learnt anything.',
    remedy: 'Look at student.initialize, which may name the teacher itself; choose a smaller student or another start.',
  },
  'student-equals-teacher-embedding': {
    message: "The student's embeddings are the teacher's before it has learnt anything.",
    remedy: 'Look at student.initialize, which may name the teacher itself; choose a smaller student or another start.',
  },
  'teacher-at-no-correlation': {
    message:
      "How similar the teacher finds two texts says hardly anything of their scores: Spearman's correlation is {spearman} on validation.",
    remedy:
      'Stop the run. Train the teacher longer, or look whether it is a model of sentence embeddings, and whether labelColumn holds how similar two texts are.',
  },
  'teacher-at-prevalence': {
    message:
      'The teacher hardly ranks rows better than chance: mAP {precision} against {prevalence}, the share of rows that a label applies to, on validation.',
    remedy:
      'Stop the run. Train the teacher longer, or look whether it was fine-tuned for these labels and its id2label has them in their order.',
  },
  'teacher-at-mean': {
    message:
      'The teacher is hardly better than always saying the mean of the labels: RMSE {rmse} against {mean} on validation.',
    remedy:
      'Stop the run. Train the teacher longer, look whether it was trained for numbers of this scale, or bring labels that are far from 0 nearer to it, where a new head begins.',
  },
  'loss-diverging': {
    message: 'The training loss rises: {least} around step {best:count}, {now} now.',
    remedy: 'Lower {setting}.learningRate, lengthen its warmup, or set its clipNorm to 1 or less.',
  },
  'training-stalled': {
    message: 'The validation loss has not moved from where it began: {before}, now {now}.',
    remedy:
      'Raise {setting}.learningRate, shorten its warmup, or look whether labels belong to their texts; of a very small model, raise hiddenSize.',
  },
  overfitting: {
    message:
      'Validation was best at step {best:count} and has got worse since, while the training loss still falls: validation loss {least} then, {now} now.',
    remedy: [
      'Leave it to {setting}.patience, now {patience}. More rows, texts without labels and more dropout help against it.',
      'Set {setting}.patience, which ends a training that gets no better; the best checkpoint is kept either way. More rows, texts without labels and more dropout help against it.',
    ],
  },
  undertrained: {
    message:
      'The loss was still falling when training ended: on validation from {before} at step {from:count} to {now} at step {step:count}.',
    remedy: 'Raise {setting}.epochs, now {epochs}, or {setting}.learningRate.',
  },
} as const satisfies Record<string, Entry>;
