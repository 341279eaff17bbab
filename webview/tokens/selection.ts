/** @file Which example, position, probe and temperature are looked at, and the logits there. Pure. */

import type { InspectedRow } from '../../src/protocol/lab-data';
import type { ProbeExample } from '../../src/protocol/inspection-records';
import type { LabelKind } from '../../src/protocol/records';
import type { Choices } from '../state/choices';
import type { Probes } from '../state/state';
import { rowOf } from './divergence';
import { hasLabels, isPerToken } from '../../src/protocol/tasks';

export interface Selection {
  probes: Probes;
  /** Of the probe; undefined for a row that the models were asked about as they are now. */
  step: number | undefined;
  /** Of the pinned example; −1 for a row beside them. */
  index: number;
  example: ProbeExample;
  position: number;
  temperature: number;
  /** Logits of the whole example, [positions, names]. */
  logits: { teacher: Float32Array; student: Float32Array };
  /** Logits at the position, [names]. */
  teacher: Float32Array;
  student: Float32Array;
  /** Whether each row has one prediction. */
  classes: boolean;
  /** Whether what is predicted are labels, rather than tokens of a vocabulary. */
  hasNames: boolean;
  /** What the labels are; single for a language model. */
  labels: LabelKind;
}

/** The chosen probe if it is in the page, else the latest that is. Undefined while there is nothing to look at. */
export function select(probes: Probes, row: InspectedRow | undefined, choices: Choices): Selection | undefined {
  const { examples, names, task, labels = 'single', temperature: own } = probes.set.examples;
  const found = choices.example < 0 && row ? besides(row) : pinned(probes, choices);
  if (!found || found.example.positions.length === 0) return undefined;
  const position = Math.min(choices.position, found.example.positions.length - 1);
  return {
    probes,
    ...found,
    index: Math.min(found.index, examples.length - 1),
    position,
    temperature: choices.temperature ?? own,
    teacher: rowOf(found.logits.teacher, position, names.length),
    student: rowOf(found.logits.student, position, names.length),
    classes: !isPerToken(task),
    hasNames: hasLabels(task),
    labels,
  };
}

type Found = Pick<Selection, 'step' | 'index' | 'example' | 'logits'>;

function besides({ example, teacher, student }: InspectedRow): Found {
  return { step: undefined, index: -1, example, logits: { teacher, student } };
}

function pinned({ set, student }: Probes, choices: Choices): Found | undefined {
  const here = set.steps.filter((step) => student.has(step));
  const step = here.includes(choices.probe ?? -1) ? choices.probe! : here.at(-1);
  const index = Math.max(0, Math.min(choices.example, set.examples.examples.length - 1));
  const example = set.examples.examples[index];
  if (step === undefined || !example) return undefined;
  return { step, index, example, logits: { teacher: set.teacher[index]!, student: student.get(step)![index]! } };
}
