/** @file Profiles the programs of the OpenVINO executor. */

import type { ExecutorOptions } from '../src/engine/executor';
import { createOpenVinoExecutor } from '../src/engine/openvino/openvino';
import { OpenVinoProgram } from '../src/engine/openvino/program';
import { SegmentedProgram } from '../src/engine/openvino/segmented-program';
import type { ProfiledGraph, Profiling } from './operators';

/** An executor whose programs say after each run what it took. */
export function profileOpenVino(options: ExecutorOptions): Profiling {
  const executor = createOpenVinoExecutor({ ...options, properties: { PERF_COUNT: 'YES' } });
  const graphs: ProfiledGraph[] = [];
  return {
    executor: {
      ...executor,
      load: async (program, frozen) => {
        const loaded = await executor.load(program, frozen);
        const profiled: ProfiledGraph = { graph: program.graph.name, kernels: [] };
        graphs.push(profiled);
        for (const compiled of loaded instanceof SegmentedProgram ? loaded.programs : [loaded]) {
          if (!(compiled instanceof OpenVinoProgram)) throw new Error('not a program of OpenVINO');
          compiled.onRun = (kernels) => profiled.kernels.push(...kernels);
        }
        return loaded;
      },
    },
    start: () => {
      for (const { kernels } of graphs) kernels.length = 0;
    },
    finish: () => Promise.resolve(graphs),
  };
}
