/** @file An experiment as a folder that trains wherever PyTorch is: everything to take along, nothing of this program. */

import { chmod, cp, mkdir, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { controlOf, type DistilledPair } from '../../distill/pairing';
import { FrozenTeacher } from '../../distill/teacher/teacher';
import { openExecutor } from '../../engine/engines';
import { readRunExperiment, writeRunExperiment } from '../../experiment/experiment-record';
import { teacherFolder, teacherOfRun } from '../../experiment/checks/model-folder';
import { torchrunSchema } from '../../experiment/file/blocks/torchrun';
import type { ResolvedExperiment } from '../../experiment/file/schema';
import { loadExperiment } from '../../experiment/resolve';
import { complaint, ComplaintError } from '../../protocol/problem';
import { oldestTorch, type Scheduler } from '../../protocol/torchrun';
import { findCompleteDirectory } from '../../run-directory/atomic-directory';
import { findRun } from '../../run-directory/run-directory';
import { controlPaths, runPaths } from '../../run-directory/run-paths';
import { initialProjections, initialStudent, loadModel, studentArchitecture } from '../run/models';
import { prepareRun, seedsOfRun } from '../run/prepared-run';
import { prunedUnits } from '../run/pruned-units';
import { RunControl } from '../run/run-control';
import { RunRecorder } from '../run/run-recorder';
import { packageFolder } from './interpreter';
import { writeJob } from './job';
import { runScript, writeSchedulerFiles } from './scheduler';
import { strategyFor } from './strategy';
import { machinesElsewhere } from './torchrun';

/**
 * Writes rows as tokens, first weights of the student and its controls, the teacher, the Python package and a script that trains one after
 * the other.
 * @param target an experiment file, or a run, whose teacher is then taken as it was trained
 * @param folder an empty one
 * @param where what is to start it there, in place of what the experiment names
 * @throws ComplaintError where the teacher is not there yet, or Python does not ask one of its kind
 */
export async function exportForTorchrun(
  target: string,
  folder: string,
  where?: Scheduler,
): Promise<{ name: string; notes: string[] }> {
  const { experiment: read, teacher, tokenizer, pruning } = await sourceOf(target);
  const experiment =
    where === undefined ? read : { ...read, torchrun: { ...(read.torchrun ?? torchrunSchema.parse({})), where } };
  const paths = runPaths(path.join(folder, 'run'));
  await mkdir(paths.directory);
  if (tokenizer !== undefined) await cp(tokenizer, path.join(paths.directory, 'tokenizer'), { recursive: true });
  if (pruning !== undefined) await cp(pruning, paths.pruning);
  const listener = { progress: () => undefined, evaluated: () => undefined, note: () => undefined };
  const { name, task } = experiment;
  const started = new Date().toISOString();
  const record = {
    name,
    task,
    status: 'stopped',
    pid: 0,
    engine: 'torchrun',
    device: '',
    started,
    error: null,
  } as const;
  const executor = await openExecutor('cpu', { threads: 1 });
  const setup = {
    executor,
    paths,
    experiment,
    recorder: new RunRecorder(paths, record, listener),
    control: new RunControl(),
  };
  const run = (await prepareRun(setup))!; // nobody stops it
  try {
    const model = await loadModel(executor, teacher, run.data.kept);
    const architecture = await studentArchitecture(experiment, run.data, model.architecture);
    const frozen = new FrozenTeacher(executor, model.architecture, model.parameters);
    const kept = await prunedUnits(run, frozen, architecture);
    frozen.release();
    const pairing: DistilledPair = {
      student: architecture,
      teacher: model.architecture,
      objective: experiment.distillation,
    };
    const jobs: string[] = [];
    const machines = machinesElsewhere(experiment);
    for (const ofSeed of seedsOfRun(run)) {
      const initial = () => initialStudent(ofSeed.experiment, architecture, model, kept);
      const spec = ofSeed.experiment.training;
      const student = async () => ({ ...(await initial()), ...initialProjections(pairing, spec.seed) });
      const trainings = [
        { role: 'student' as const, name: 'student', pairing, initial: student, paths: ofSeed.folder },
        ...experiment.controls.map((control) => ({
          role: 'control' as const,
          name: control,
          pairing: controlOf(pairing, control),
          initial,
          paths: controlPaths(ofSeed.folder, control),
        })),
      ];
      for (const training of trainings) {
        const part = path.relative(paths.directory, training.paths.directory) || 'student';
        jobs.push(part.split(path.sep).join('/'));
        const divided = { ...training, teacher: model, spec };
        const { strategy } = strategyFor(run, { ...machines, processes: machines.processes ?? 1 }, divided);
        await writeJob(run, divided, {
          shared: path.join(folder, 'jobs'),
          folder: path.join(folder, 'jobs', part),
          strategy,
          caches: path.join(folder, 'jobs', 'caches'),
          tokenizer: path.join(paths.directory, 'tokenizer'),
        });
      }
    }
    await writeRunExperiment(paths, experiment);
    const python = path.join(packageFolder(), 'distillery_torch');
    const isShipped = (file: string): boolean => path.basename(file) !== '__pycache__';
    await cp(python, path.join(folder, 'distillery_torch'), { recursive: true, filter: isShipped });
    await writeFile(path.join(folder, 'requirements.txt'), `torch>=${oldestTorch.join('.')}\nsafetensors>=0.5\n`);
    await writeFile(path.join(folder, 'README.md'), readme(name, jobs));
    const script = path.join(folder, 'run.sh');
    await writeFile(script, runScript(jobs, machines.processes));
    await chmod(script, 0o755);
    const start = await writeSchedulerFiles(folder, experiment, machines, jobs);
    return { name, notes: [`${start} It trains ${jobs.join(', ')}.`] };
  } finally {
    run.data.close();
  }
}

interface ExportSource {
  experiment: ResolvedExperiment;
  /** Folder of its model. */
  teacher: string;
  /** Of a run, the one that it has made. */
  tokenizer?: string | undefined;
  /** The same of what its narrower student keeps of the teacher. */
  pruning?: string | undefined;
}

async function sourceOf(target: string): Promise<ExportSource> {
  if (/\.jsonc?$/i.test(target) && existsSync(target)) {
    const { experiment } = await loadExperiment(target);
    requireTrainable(experiment);
    const teacher = await teacherFolder(experiment.teacher, path.dirname(experiment.file));
    if (teacher === undefined) throw new ComplaintError(complaint('export-torchrun-untrained', {}));
    return { experiment, teacher };
  }
  const run = await findRun(target);
  const experiment = await readRunExperiment(run);
  requireTrainable(experiment);
  const teacher = await findCompleteDirectory(await teacherOfRun(run));
  if (teacher === undefined) throw new ComplaintError(complaint('export-torchrun-untrained', {}));
  const tokenizer = await findCompleteDirectory(path.join(run.directory, 'tokenizer'));
  return { experiment, teacher, tokenizer, pruning: existsSync(run.pruning) ? run.pruning : undefined };
}

function requireTrainable({ teacher: { source }, distillation }: ResolvedExperiment): void {
  if (distillation.onPolicy !== undefined) throw new ComplaintError(complaint('torchrun-without-on-policy', {}));
  if (distillation.positions !== undefined) throw new ComplaintError(complaint('torchrun-without-positions', {}));
  if (distillation.vocabulary === 'align') throw new ComplaintError(complaint('torchrun-without-alignment', {}));
  if (source === 'endpoint') throw new ComplaintError(complaint('export-torchrun-served', {}));
  if (source === 'ensemble' || source === 'onnx') {
    throw new ComplaintError(complaint('torchrun-without-teacher', { source }));
  }
}

function readme(name: string, jobs: readonly string[]): string {
  return `# ${name.replace(/\s+/g, ' ')}, for PyTorch

\`pip install -r requirements.txt\`, then \`./run.sh\`: it trains ${jobs.map((job) => `\`${job}\``).join(', ')}.

- \`jobs/\`: rows as tokens, first weights, the teacher, and a \`job.json\` for each training.
- \`distillery_torch/\`: the program.
- \`run/\`: what comes out, in the layout of a run directory: \`metrics.jsonl\` and \`evaluations.jsonl\` while it goes on, \`checkpoints/\`, and in
  \`student/\` the finished model, which \`transformers\` loads. \`controls/\` has the same for each control.
- \`{"wish": "stop"}\` or \`{"wish": "pause"}\` in \`control.json\` of a job's folder stops or holds its training after a step.
`;
}
