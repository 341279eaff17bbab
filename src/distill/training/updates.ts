/** @file The end of a step: gradients of several batches added up, their norm clipped, parameters and moments updated. */

import type { TensorSpec } from '../../engine/array';
import type { DeviceTensor, Executor, LoadedProgram } from '../../engine/executor';
import type { Program } from '../../engine/graph/program';
import type { Parameters } from '../../model/parameters';
import { scalar } from '../batch-inputs';
import { mapValues, prefixed } from '../named';
import { findNotFinite, NotFinite } from '../not-finite';
import { updateFactors, type AdamWOptions, type UpdateValues } from './optimizer';
import { layOut, placeGroup, type Layout, type PieceKind, type RateFactor, type TensorGroup } from './tensor-group';
import { accumulateProgram, squaresProgram, updateProgram } from './update-programs';

/** What changes from update to update, but for the gradient norm, which is made here. */
export type UpdateScalars = Readonly<Omit<UpdateValues, 'gradientNorm'>>;

/** A program for each kind of piece that learns. */
type PiecePrograms = readonly (Promise<LoadedProgram> | undefined)[];

/** Parameters, moments and gradients on the device, and the programs that go over them piece by piece. */
export class Updates {
  readonly parameters: TensorGroup;
  readonly first: TensorGroup;
  readonly second: TensorGroup;
  private readonly layout: Layout;
  private readonly squares: PiecePrograms;
  private readonly update: PiecePrograms;
  private batch: TensorGroup;
  /** Once a step has had more than one batch. */
  private accumulation: { programs: PiecePrograms; sums: TensorGroup } | undefined;

  /**
   * @param initial values of the parameters, which are copied
   * @param rateOf of what is frozen 0: neither its gradients nor its moments count then
   */
  constructor(
    private readonly executor: Executor,
    specs: Readonly<Record<string, TensorSpec>>,
    private readonly options: AdamWOptions,
    initial: Parameters,
    rateOf?: RateFactor,
  ) {
    this.layout = layOut(executor, specs, options.decays, rateOf);
    this.parameters = placeGroup(executor, this.layout, initial);
    this.first = placeGroup(executor, this.layout, undefined, options.moments);
    this.second = placeGroup(executor, this.layout, undefined, options.moments);
    this.batch = placeGroup(executor, this.layout);
    this.squares = this.loadForEachKind(({ specs: piece }) => squaresProgram(piece));
    this.update = this.loadForEachKind(({ specs: piece, decays }) => updateProgram(piece, { ...options, decays }));
  }

  /** Where a batch's gradients are to be written. */
  get gradients(): Readonly<Record<string, DeviceTensor>> {
    return this.batch.tensors;
  }

  /** Adds the gradients just written to those of the step's earlier batches. */
  async accumulate(isFirst: boolean): Promise<void> {
    this.accumulation ??= {
      programs: this.loadForEachKind(({ specs }) => accumulateProgram(specs)),
      sums: placeGroup(this.executor, this.layout),
    };
    const { programs, sums } = this.accumulation;
    if (isFirst) {
      // The first batch's gradients are the sum so far; the next are written where the last sum was.
      [this.accumulation.sums, this.batch] = [this.batch, sums];
      return;
    }
    await this.forEachPiece(programs, async (program, piece) => {
      const sum = prefixed('sum.', sums.pieces[piece]!);
      await program.run({ ...sum, ...prefixed('gradient.', this.batch.pieces[piece]!) }, prefixed('next.', sum));
    });
  }

  /**
   * One update with the gradients of the last batch, or with their accumulated sums.
   * @returns the gradients' norm before clipping
   * @throws NotFinite, before anything is updated, where that is no number
   */
  async apply(scalars: UpdateScalars, accumulated: boolean): Promise<number> {
    const { pieces } = accumulated ? this.accumulation!.sums : this.batch;
    const gradientNorm = Math.sqrt(await this.sumOfSquares(pieces));
    if (!Number.isFinite(gradientNorm)) {
      const { tensors } = accumulated ? this.accumulation!.sums : this.batch;
      // Finite gradients whose squares are too large for their sum have an infinite norm, too.
      const first = await findNotFinite(prefixed('the gradient of ', tensors));
      throw first ?? new NotFinite("the gradients' norm", gradientNorm);
    }
    await this.forEachPiece(this.update, async (program, piece, { rate }) => {
      const values = { ...scalars, gradientNorm, learningRate: rate * scalars.learningRate };
      const factors = mapValues(updateFactors(values, this.options), scalar);
      const state = {
        ...prefixed('parameter.', this.parameters.pieces[piece]!),
        ...prefixed('first.', this.first.pieces[piece]!),
        ...prefixed('second.', this.second.pieces[piece]!),
      };
      const inputs = { ...state, ...prefixed('gradient.', pieces[piece]!), ...factors };
      await program.run(inputs, prefixed('next.', state));
    });
    return gradientNorm;
  }

  private async sumOfSquares(pieces: TensorGroup['pieces']): Promise<number> {
    const sums = pieces.map(() => 0);
    await this.forEachPiece(this.squares, async (program, piece) => {
      const { squares } = await program.run(prefixed('gradient.', pieces[piece]!));
      sums[piece] = squares!.data[0]!;
    });
    // In the order of the pieces, whichever is ready first.
    return sums.reduce((a, b) => a + b, 0);
  }

  private loadForEachKind(programOf: (kind: PieceKind) => Program): PiecePrograms {
    return this.layout.kinds.map((kind) => {
      if (kind.rate === 0) return undefined;
      const loading = this.executor.load(programOf(kind));
      // Whoever needs it is told why it failed; where a step fails before that, nobody does.
      loading.catch(() => undefined);
      return loading;
    });
  }

  /**
   * One piece that learns after the other, each with its kind's program. The next is begun before the last has ended, so that the device
   * does not wait for us in between.
   */
  private async forEachPiece(
    programs: PiecePrograms,
    run: (program: LoadedProgram, piece: number, kind: PieceKind) => Promise<void>,
  ): Promise<void> {
    let first = 0;
    let last: Promise<void> = Promise.resolve();
    for (const [index, kind] of this.layout.kinds.entries()) {
      const program = await programs[index];
      for (let i = 0; program && i < kind.count; i++) {
        const next = run(program, first + i, kind);
        // Where the last has failed nobody waits for this one, whose error would end the process.
        next.catch(() => undefined);
        await last;
        last = next;
      }
      first += kind.count;
    }
    await last;
  }

  async release(): Promise<void> {
    const programs = [...this.squares, ...this.update, ...(this.accumulation?.programs ?? [])];
    for (const program of programs) await (await program)?.release();
    for (const group of [this.parameters, this.first, this.second, this.batch, this.accumulation?.sums]) {
      group?.dispose();
    }
  }
}
