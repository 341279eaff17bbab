/** @file Problems as a language model in a chat is told of them: English, with the tools that it has and what it can ask a person to do. */

import { complaintOf, formatProblem, InputError, type Problem } from '../../protocol/problem';
import type { ActionName } from '../../protocol/problems/templates';
import { terminal, wordsOf, type Edge } from '../../protocol/problems/words';
import { libraryTitle } from '../../protocol/libraries';

const actions: Readonly<Record<ActionName, (subject: string) => string>> = {
  install: (library) => `"Install ${libraryTitle(library)}" in the Devices view, which the person clicks`,
  remove: () => '"Remove Native Library…" in the Devices view, which the person clicks',
  fetch: (model) => `"Fetch Model…" with ${model}, which the person clicks and confirms`,
  key: () => 'let the person enter its key by "Set Key of a Server…"',
  token: () => 'let the person enter an access token by "Set Hugging Face Token…"',
  wheel: () => 'let the person choose a wheel that they have',
  devices: () => 'the Devices view',
  cache: () => 'the command line',
  resume: (run) => `"Resume Run" of ${run}, which the person clicks`,
  takeOver: (run) => `"Resume Run" of ${run}, which the person clicks and confirms`,
  connect: (host) => `"ssh ${host}" in a terminal, which the person types`,
  installTorch: (host) => `let the person install PyTorch and safetensors on ${host}`,
  run: () => 'distillery_run_experiment',
  sweep: () => '"Sweep Experiment", which the person clicks',
  open: (file) => file,
};

const chat: Edge = { fill: terminal.fill, action: (name, subject) => actions[name](subject ?? '') };

/** With its data, by which a model can decide, and without the changes that an editor makes. */
export function problemForChat({ fixes, ...problem }: Problem): Problem {
  return { ...problem, ...wordsOf(problem, chat) };
}

/** A model mends its call from what it reads: place, problem, remedy. */
export function errorForChat(error: unknown): string {
  if (error instanceof InputError) return error.problems.map((one) => formatProblem(problemForChat(one))).join('\n');
  const told = complaintOf(error);
  const { message, remedy } = wordsOf(told, chat) ?? told;
  return [message, remedy].filter(Boolean).join(' ');
}
