/** @file The pinned examples of a run: written once, their logits at each evaluation. */

import type { HostTensor } from '../../engine/array';
import { bucketsOf } from '../../dataset/batches';
import { batchInputs } from '../../distill/batch-inputs';
import { batchOf } from '../../distill/training/epochs';
import { withPrefix } from '../../distill/named';
import { FrozenEnsemble, meanLogits } from '../../distill/teacher/ensemble';
import { OpaqueEnsemble } from '../../distill/teacher/opaque-ensemble';
import { probeAnswers, Prober, type PlacedExample, type ProbedLogits } from '../../distill/evaluation/prober';
import { initialValue } from '../../distill/training/schedules';
import { logitsWidth } from '../../distill/specs';
import { longestRow } from '../../experiment/checks/check-dataset';
import { FrozenTeacher, inHostMemory, type Teacher } from '../../distill/teacher/teacher';
import { writeProbeExamples, writeStudentProbe, writeTeacherProbe } from '../../run-directory/probes';
import type { TrainingPaths } from '../../run-directory/run-paths';
import type { Architecture } from '../../model/architecture';
import { JoinedVocabulary } from '../../tokenizer/joined-vocabulary';
import type { Probes } from './train-model';
import { choosePinned, pinnedExamples, type Pinned } from './pinned';
import { batchesOf, batchOptions, type PreparedRun } from './prepared-run';

/** Pins examples of the validation split and keeps the teacher's logits for them. */
export async function prepareProbes(
  run: PreparedRun,
  student: Architecture,
  teacher: Teacher,
  paths: TrainingPaths,
): Promise<Probes> {
  const { executor, experiment, data } = run;
  const { task } = experiment;
  const options = batchOptions(run, 1);
  const joined =
    task === 'causal-lm' && data.teacher ? new JoinedVocabulary(data.tokenizer, data.teacher.tokenizer) : undefined;
  const width = joined?.size ?? logitsWidth(student);
  const pinned: Pinned = choosePinned(data.validation, width);
  const lengths = bucketsOf(data.train, longestRow(experiment.dataset));
  const batches = pinned.indices.map((index) => batchOf(data.validation, [index], { ...options, lengths }));
  const places = placesIn(run, pinned.indices);
  await writeProbeExamples(paths.probes, pinnedExamples(run, pinned, batches, width, joined));
  const probeTeacher = async (
    { architecture, parameters }: FrozenTeacher,
    examples: readonly PlacedExample[],
    said: ReadonlyMap<number, HostTensor>,
  ): Promise<ProbedLogits[]> => {
    const prober = new Prober(executor, architecture, task, examples, pinned.mostPositions);
    for (const [number, prediction] of said) prober.saw(number, prediction);
    const logits = await prober.probe(withPrefix('teacher.', parameters));
    await prober.release();
    return logits;
  };
  const probed: ProbedLogits[][] = [];
  for (const member of teacher.members) {
    // What one with another tokenizer has said was of batches of its own tokens.
    const said = isEnsemble(teacher) || joined ? undefined : knownOf(run, places);
    if (said && member instanceof FrozenTeacher) {
      probed.push(await probeTeacher(member, places, said));
      continue;
    }
    const answers = member.targets();
    if (member instanceof FrozenTeacher) {
      const read = batchInputs(batchOf(data.validation, pinned.indices, { ...options, lengths }), task);
      const together = joined ? read.teacher! : read;
      const rows = pinned.indices.map((_, row) => ({ number: 0, batch: together, row }));
      const { prediction } = await answers.of(together);
      probed.push(await probeTeacher(member, rows, new Map([[0, await inHostMemory(prediction!)]])));
    } else probed.push(await probeAnswers(answers, task, batches, pinned.mostPositions));
    await answers.release();
  }
  const at = initialValue(experiment.distillation.temperature);
  const ofTeacher = isEnsemble(teacher) ? meanOf(probed, teacher, at) : probed[0]!;
  await writeTeacherProbe(paths.probes, joined ? ofTeacher.map((logits) => joined.fromTeacher(logits)) : ofTeacher);
  const prober = new Prober(executor, student, task, places, pinned.mostPositions);
  return {
    prober,
    write: (step, logits) =>
      writeStudentProbe(paths.probes, step, joined ? logits.map((own) => joined.fromStudent(own)) : logits),
  };
}

/** Where some examples of validation are in the batches of its evaluations. */
function placesIn(run: PreparedRun, indices: readonly number[]): PlacedExample[] {
  const batches = batchesOf(run, run.data.validation);
  const found = new Map<number, PlacedExample>();
  for (let number = 0; number < batches.length; number++) {
    const rows = batches.examplesOf(number);
    const wanted = indices.filter((index) => rows.includes(index));
    if (wanted.length === 0) continue;
    const batch = batchInputs(batches.at(number), run.experiment.task);
    for (const index of wanted) found.set(index, { number, batch, row: rows.indexOf(index) });
  }
  return indices.map((index) => found.get(index)!);
}

/** What the teacher has said to the batches that some examples are in, by their numbers; undefined where that is not known of all of them. */
function knownOf(
  { known }: PreparedRun,
  places: readonly PlacedExample[],
): ReadonlyMap<number, HostTensor> | undefined {
  const said = new Map<number, HostTensor>();
  for (const { number } of places) {
    const prediction = known.get(number)?.prediction;
    if (!prediction) return undefined;
    said.set(number, prediction);
  }
  return said;
}

const isEnsemble = (teacher: Teacher): teacher is FrozenEnsemble | OpaqueEnsemble =>
  teacher instanceof FrozenEnsemble || teacher instanceof OpaqueEnsemble;

/** The mean's logits at the temperature with which the run begins: at others, the page's softening is not exactly the mean's. */
function meanOf(
  members: readonly ProbedLogits[][],
  { weights, architecture }: FrozenEnsemble | OpaqueEnsemble,
  temperature: number,
): ProbedLogits[] {
  return members[0]!.map((_, example) =>
    meanLogits(
      members.map((probed) => probed[example]!),
      weights,
      temperature,
      architecture.problemType,
    ),
  );
}
