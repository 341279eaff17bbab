/** @file An ensemble of which some members are ONNX files: those are opened, and the others asked for their logits too. */

import { medianTime, Predictor } from '../../distill/evaluation/predictor';
import { OpaqueEnsemble, opaqueOf } from '../../distill/teacher/opaque-ensemble';
import { LogitsTargets, OpaqueTeacher, type LogitsSource } from '../../distill/teacher/opaque-teacher';
import type { TokenExample } from '../../dataset/examples';
import { membersOf } from '../../experiment/ensemble';
import { membersOfRun } from '../../experiment/checks/model-folder';
import { weightBytes } from '../../model/files/checkpoint';
import type { FrozenModel } from '../../model/parameters';
import type { TeacherSize } from './compare-models';
import type { LoadedTeacher } from './loaded-teacher';
import { identityOf, latencyOf, onnxSettingOf, openOnnx, teacherOf } from './onnx-teacher';
import type { PreparedRun } from './prepared-run';

/** A member that can be asked. */
interface OpenMember {
  teacher: OpaqueTeacher;
  identity: LoadedTeacher['models'][number];
  size: (text: TokenExample) => Promise<TeacherSize>;
  source: LogitsSource;
}

/** @param models of the members that are no ONNX files, in the members' places */
export async function openMixedEnsemble(
  run: PreparedRun,
  models: readonly (FrozenModel | undefined)[],
): Promise<LoadedTeacher> {
  const { executor, experiment, paths } = run;
  const members = membersOf(experiment.teacher);
  const folders = (await membersOfRun(paths)) ?? [];
  const open: OpenMember[] = [];
  const release = async (): Promise<void> => {
    for (const { source } of open) await source.release();
  };
  try {
    for (const [i, { member }] of members.entries()) {
      if (member.source === 'onnx') open.push(await openFile(run, member.path));
      else open.push(openModel(run, models[i]!, folders[i]!.folder));
    }
  } catch (error) {
    await release();
    throw error;
  }
  const weights = members.map(({ weight }) => weight);
  const teachers = open.map(({ teacher }) => teacher);
  const size = async (text: TokenExample): Promise<TeacherSize> => {
    const sizes: TeacherSize[] = [];
    for (const member of open) sizes.push(await member.size(text));
    const sum = (key: keyof TeacherSize): number => sizes.reduce((total, one) => total + (one[key] ?? 0), 0);
    return { parameters: sum('parameters'), bytes: sum('bytes'), latencyMs: sum('latencyMs') };
  };
  return {
    frozen: new OpaqueEnsemble(executor, teachers, weights),
    models: open.map(({ identity }) => identity),
    opaque: { size, release },
  };
}

async function openFile(run: PreparedRun, file: string): Promise<OpenMember> {
  const onnx = await openOnnx(onnxSettingOf(run, file));
  const { parameters } = onnx.model;
  return {
    teacher: teacherOf(onnx, run.executor),
    identity: await identityOf(onnx),
    size: async (text) => ({ parameters, bytes: onnx.bytes, latencyMs: await latencyOf(onnx, text) }),
    source: onnx.source,
  };
}

function openModel({ executor }: PreparedRun, model: FrozenModel, folder: string): OpenMember {
  const predictor = new Predictor(executor, model.architecture, model.parameters);
  const source: LogitsSource = {
    logits: (tokens) => predictor.logitsOfRows(tokens),
    release: () => predictor.release(),
  };
  const architecture = opaqueOf(model.architecture);
  const { parameters } = architecture;
  return {
    teacher: new OpaqueTeacher(executor, architecture, new LogitsTargets(architecture, source)),
    identity: model,
    size: async ({ inputIds, typeIds }) => ({
      parameters,
      bytes: await weightBytes(folder),
      latencyMs: await medianTime(() => predictor.logits({ ids: inputIds, typeIds })),
    }),
    source,
  };
}
