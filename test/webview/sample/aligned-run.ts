/** @file A language model's run whose teacher has another tokenizer: one of whole words, of which the student's are cut in two. */

import type { ProbeExample } from '../../../src/protocol/inspection-records';
import { mobyRun } from './moby-run';
import type { SampleRun } from './sample-run';

/** A token that goes on with a word. */
const goesOn = (token: string): boolean => /^[a-z]/.test(token);

export function alignedRun(): SampleRun {
  const moby = mobyRun();
  const { examples } = moby.probes;
  const names = [...examples.names];
  /** Tokens of the student's that the teacher does not have, with the word that it has in their place. */
  const words = new Map<number, number>();
  const wordOf = (label: number, text: string): number => {
    const known = words.get(label);
    if (known !== undefined) return known;
    words.set(label, names.length);
    names.push(text);
    return names.length - 1;
  };
  const aligned = examples.examples.map((example): { example: ProbeExample; rows: number[] } => {
    const rows = [...example.positions.keys()].filter(
      (i) => !goesOn(example.tokens[example.positions[i]!.token]!.token),
    );
    const later = example.counted!.filter((token) => goesOn(example.tokens[token]!.token));
    const positions = rows.map((row) => {
      const { token, label } = example.positions[row]!;
      const end = example.tokens.findIndex((one, i) => i > token && !goesOn(one.token));
      const text = example.tokens.slice(token, end < 0 ? undefined : end).map((one) => one.token);
      return text.length === 1 ? { token, label } : { token, label, teacherLabel: wordOf(label, text.join('')) };
    });
    return {
      example: {
        ...example,
        positions,
        counted: example.counted!.filter((token) => !later.includes(token)),
        within: later,
      },
      rows,
    };
  });
  const width = examples.names.length;
  const joined = (logits: readonly Float32Array[], side: 'teacher' | 'student'): Float32Array[] =>
    logits.map((data, k) => {
      const { rows, example } = aligned[k]!;
      const all = new Float32Array(rows.length * names.length).fill(-Infinity);
      for (const [i, row] of rows.entries()) {
        const at = i * names.length;
        all.set(data.subarray(row * width, (row + 1) * width), at);
        if (side === 'student') continue;
        for (const [own, word] of words) [all[at + word], all[at + own]] = [-6, -Infinity];
        const { label, teacherLabel } = example.positions[i]!;
        if (teacherLabel !== undefined) all[at + teacherLabel] = data[row * width + label]!;
      }
      return all;
    });
  return {
    run: {
      ...moby.run,
      id: `${moby.run.id}-aligned`,
      experiment: { ...moby.run.experiment, predictsOtherTokens: true },
    },
    probes: {
      examples: { ...examples, names, examples: aligned.map(({ example }) => example) },
      teacher: joined(moby.probes.teacher, 'teacher'),
      steps: moby.probes.steps,
    },
    student: (step) => joined(moby.student(step), 'student'),
  };
}
