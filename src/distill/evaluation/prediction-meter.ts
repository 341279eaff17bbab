/**
 * @file Measures the predictions of a language model, so many at a time, whatever batches they are of: padding is not measured, and batches of all
 * lengths have one program.
 */

import { sizeOf, type HostArray, type HostTensor } from '../../engine/array';
import type { GraphInput, LoadedProgram } from '../../engine/executor';
import type { BatchInputs } from '../batch-inputs';
import { mapValues } from '../named';

type Outputs = Record<string, HostTensor>;

/** A batch whose predictions have not all been measured. */
interface Waiting {
  /** One value for each prediction of the batch, 0 where none counts. */
  readonly outputs: Outputs;
  left: number;
  readonly whenMeasured: (outputs: Outputs) => void;
}

/** An input that has a row for each prediction. */
interface RowInput {
  readonly name: string;
  readonly data: HostArray;
  readonly width: number;
}

export class PredictionMeter {
  private readonly inputs: Readonly<Record<string, HostTensor>>;
  private readonly rowInputs: readonly RowInput[];
  private readonly rows: number;
  /** Whose each of the rows is that wait to be measured, and which of its predictions. */
  private readonly of: { waiting: Waiting; prediction: number }[] = [];

  /**
   * @param program of `measuringProgram`
   * @param given to each of its runs: weights
   */
  constructor(
    private readonly program: LoadedProgram,
    private readonly given: Readonly<Record<string, GraphInput>>,
  ) {
    const { inputs } = program.graph;
    const ofRows = Object.entries(inputs).filter(([name]) => !(name in given));
    this.rows = inputs.labels!.shape[0]!;
    this.inputs = Object.fromEntries(
      ofRows.map(([name, spec]) => {
        const size = sizeOf(spec.shape);
        return [name, { ...spec, data: spec.dtype === 'int32' ? new Int32Array(size) : new Float32Array(size) }];
      }),
    );
    this.rowInputs = Object.entries(this.inputs).map(([name, { shape, data }]) => ({
      name,
      data,
      width: sizeOf(shape.slice(1)),
    }));
  }

  /**
   * @param values the program's inputs of this batch, a row for each of its predictions
   * @param whenMeasured told what was measured, when that is all of the batch; batches are told of in their order
   */
  async add(
    { tensors, count }: BatchInputs,
    values: Readonly<Record<string, HostTensor>>,
    whenMeasured: Waiting['whenMeasured'],
  ): Promise<void> {
    const counted = tensors.counted!.data;
    const outputs = mapValues(this.program.graph.outputs, (spec) => {
      return { ...spec, shape: [counted.length], data: new Float32Array(counted.length) };
    });
    const waiting: Waiting = { outputs, left: count, whenMeasured };
    const sources: Readonly<Record<string, HostTensor>> = { ...values, labels: tensors.labels! };
    for (let prediction = 0; prediction < counted.length; prediction++) {
      if (counted[prediction] === 0) continue;
      for (const { name, data, width } of this.rowInputs) {
        const row = sources[name]!.data.subarray(prediction * width, (prediction + 1) * width);
        data.set(row, this.of.length * width);
      }
      this.of.push({ waiting, prediction });
      if (this.of.length === this.rows) await this.measure();
    }
  }

  /** Measures what is left. */
  async finish(): Promise<void> {
    if (this.of.length > 0) await this.measure();
  }

  /** Rows beyond those that wait are what they were, and nobody is told of them. */
  private async measure(): Promise<void> {
    const measured = await this.program.run({ ...this.inputs, ...this.given });
    const rows = this.of.splice(0);
    for (const [row, { waiting, prediction }] of rows.entries()) {
      for (const [name, { data }] of Object.entries(waiting.outputs)) data[prediction] = measured[name]!.data[row]!;
      if (--waiting.left === 0) waiting.whenMeasured(waiting.outputs);
    }
  }
}
