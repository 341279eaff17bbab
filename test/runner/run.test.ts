import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { divergences } from '../../src/distill/losses/divergences';
import { loadCheckpoint } from '../../src/model/files/checkpoint';
import type { InspectResult } from '../../src/protocol/inspection-records';
import type { EvaluationRecord, MetricsRecord, PredictionRecord, RunRecord } from '../../src/protocol/records';
import type { ResolvedExperiment } from '../../src/experiment/file/schema';
import type { ExportResult } from '../../src/runner/commands/export';
import type { RunResult } from '../../src/runner/run/carry-out';
import type { SweepResult } from '../../src/runner/commands/sweep';
import { allOr } from '../torture';
import { completed, inspected } from './asked';
import { distilleryHere, documentHere } from './in-process';
import { document, onlyRun, readLines, sampleRows, tinyWorkspace } from './program';

const weightsOf = (run: string, model = 'student'): Buffer => readFileSync(path.join(run, model, 'model.safetensors'));

describe('a run of a text-classification experiment', () => {
  let workspace: string;
  let run: string;
  let result: RunResult;
  beforeAll(async () => {
    workspace = tinyWorkspace({
      task: 'text-classification',
      distillation: { hidden: { layers: [[1, 0]], weight: 0.1 } },
    });
    result = await document<RunResult>(['run', 'tiny.distill.json'], workspace);
    run = onlyRun(workspace);
  });

  it('ends with a comparison of teacher, student and control on the test split', () => {
    expect(result.status).toBe('done');
    const rows = result.summary!.rows;
    expect(rows.map(({ role, name }) => `${role} ${name}`)).toEqual([
      'teacher teacher',
      'student student',
      'control no-distillation',
    ]);
    for (const row of rows) {
      expect(row.split).toBe('test');
      expect(row.metrics.accuracy).toBeGreaterThanOrEqual(0);
      expect(row.bytes).toBeGreaterThan(4 * row.parameters!);
      expect(row.latencyMs).toBeGreaterThan(0);
    }
    const [teacher, student, control] = rows;
    expect(student!.metrics.agreement).toBeDefined();
    expect(control!.metrics.agreement).toBeDefined();
    expect(teacher!.retention).toBeUndefined();
    // A teacher of six steps knows nothing that could be kept.
    expect(result.summary!.teacherAtChance).toBe(true);
    expect(student!.retention).toBeUndefined();
  });

  it('writes the run directory that every view reads', () => {
    for (const file of [
      'experiment.json',
      'run.json',
      'metrics.jsonl',
      'evaluations.jsonl',
      'log.txt',
      'report.md',
      'probes/examples.json',
      'probes/teacher.safetensors',
      'probes/step-000000.safetensors',
      'checkpoints/last/model.safetensors',
      'checkpoints/best/model.safetensors',
      'student/config.json',
      'student/tokenizer.json',
      'student/README.md',
      'controls/no-distillation/metrics.jsonl',
      'controls/no-distillation/student/model.safetensors',
      'teacher/model/model.safetensors',
    ]) {
      expect(existsSync(path.join(run, file)), file).toBe(true);
    }
    const record = JSON.parse(readFileSync(path.join(run, 'run.json'), 'utf8')) as RunRecord;
    expect(record).toMatchObject({ status: 'done', engine: 'cpu', task: 'text-classification', error: null });
    expect(record.summary).toEqual(result.summary);
    expect(record.socket).toBeUndefined();
  });

  it('logs every component of the loss by itself, and what is back-propagated', () => {
    const metrics = readLines<MetricsRecord>(path.join(run, 'metrics.jsonl'));
    expect(metrics.map(({ step }) => step)).toEqual(metrics.map((_, i) => i));
    for (const { loss, temperature, alpha } of metrics) {
      const { total, soft, hard, hidden } = loss;
      expect(Object.keys(loss).sort()).toEqual(['hard', 'hidden', 'soft', 'total']);
      expect(total).toBeCloseTo(alpha! * temperature! ** 2 * soft! + (1 - alpha!) * hard! + 0.1 * hidden!, 4);
    }
    const [first] = metrics;
    expect(first!.learningRate).toBe(0); // the first update of a warm-up
    const control = readLines<MetricsRecord>(path.join(run, 'controls/no-distillation/metrics.jsonl'));
    expect(Object.keys(control[0]!.loss).sort()).toEqual(['hard', 'total']);
    expect(control[0]!.temperature).toBeUndefined();
  });

  it('trains the control from the same weights on the same batches', () => {
    const own = readLines<EvaluationRecord>(path.join(run, 'evaluations.jsonl'));
    const control = readLines<EvaluationRecord>(path.join(run, 'controls/no-distillation/evaluations.jsonl'));
    expect(own[0]).toMatchObject({ step: 0, split: 'validation', role: 'student' });
    expect(control[0]!.metrics).toEqual(own[0]!.metrics);
    expect(control.at(-1)!.metrics).not.toEqual(own.at(-1)!.metrics);
    const hardAt0 = (file: string): number => readLines<MetricsRecord>(path.join(run, file))[0]!.loss.hard!;
    expect(hardAt0('controls/no-distillation/metrics.jsonl')).toBe(hardAt0('metrics.jsonl'));
  });

  it('gets its control later where it began without one, with the same weights', async () => {
    const later = tinyWorkspace({ task: 'text-classification' });
    const file = path.join(later, 'tiny.distill.json');
    const experiment = JSON.parse(readFileSync(file, 'utf8')) as object;
    writeFileSync(file, JSON.stringify({ ...experiment, controls: [] }));
    const without = await documentHere<RunResult>(['run', 'tiny.distill.json'], later);
    expect(without.summary!.rows.map(({ role }) => role)).toEqual(['teacher', 'student']);
    const student = weightsOf(without.directory);
    const { status, summary } = await document<RunResult>(['resume', without.run, '--with-control'], later);
    expect(status).toBe('done');
    expect(summary!.rows.map(({ role }) => role)).toEqual(['teacher', 'student', 'control']);
    expect(weightsOf(without.directory).equals(student)).toBe(true);
    const card = readFileSync(path.join(without.directory, 'student/README.md'), 'utf8');
    expect(card.match(/^## Result$/gm)).toHaveLength(1);
    expect(card).toContain('| control, no-distillation |');
    const control = 'controls/no-distillation/student';
    expect(weightsOf(without.directory, control).equals(weightsOf(run, control))).toBe(true);
  });

  it('keeps a student that loads as a Hugging Face folder', async () => {
    const { architecture } = await loadCheckpoint(path.join(run, 'student'));
    expect(architecture).toMatchObject({ family: 'bert', layers: 1, hiddenSize: 24, labels: ['ham', 'spam'] });
  });

  it('says in the card of each model which rows it learnt from, how it was chosen and what it reached', () => {
    for (const model of ['student', 'controls/no-distillation/student', 'teacher/model']) {
      const card = readFileSync(path.join(run, model, 'README.md'), 'utf8');
      expect(card).toContain('- Trained on 48 labelled rows of train\\.jsonl\n');
      expect(card).toContain('- Chosen by 24 labelled rows of validation\\.jsonl\n');
      expect(card).toMatch(/\n## Result\n\nThe teacher .*\n\nMeasured on the test split\.\n\n\| model \|/);
      expect(card).toMatch(/, with 95 % intervals:\n\n- teacher: \S+ \(\S+ to \S+\)\n- student: /);
    }
    const card = readFileSync(path.join(run, 'student/README.md'), 'utf8');
    expect(card).toMatch(
      /^A student distilled from a teacher trained on the labels of these rows \(bert, \d layers, width \d+\): /m,
    );
  });

  it('exports tokenizers that tell Python how long a text may be and what to fill batches up with', () => {
    for (const model of ['student', 'controls/no-distillation/student', 'teacher/model']) {
      const config = JSON.parse(readFileSync(path.join(run, model, 'tokenizer_config.json'), 'utf8')) as object;
      expect(config).toMatchObject({ model_max_length: 24, pad_token: '[PAD]' });
    }
  });

  it('tells what the teacher gave, by class and with the soft labels of rows that one model alone has right', () => {
    const gains = result.summary!.classGains!;
    expect(gains.map(({ label }) => label)).toEqual(['ham', 'spam']);
    expect(gains.reduce((sum, { rows }) => sum + rows, 0)).toBe(24);
    const predictions = readLines<PredictionRecord>(path.join(run, 'predictions.jsonl'));
    const isRight = ({ models }: PredictionRecord, name: string): boolean => models[name]!.correct === 1;
    for (const record of predictions) {
      const isDivided = isRight(record, 'student') !== isRight(record, 'no-distillation');
      expect(record.softLabel !== undefined).toBe(isDivided);
      if (!isDivided) continue;
      const { temperature, top } = record.softLabel!;
      expect(temperature).toBe(2);
      expect(top[0]!.choice).toBe(record.models.teacher!.choice);
      expect(top.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 12);
    }
    expect(predictions.every(({ models }) => Object.values(models).every((one) => !('softLabel' in one)))).toBe(true);
    expect(readFileSync(path.join(run, 'report.md'), 'utf8')).toContain('## What the teacher gave');
  });

  it('can be inspected at any temperature', async () => {
    const text = 'Free money! Click here now';
    const hard = await inspected(run, { text });
    const soft: InspectResult = await document(['inspect', run, '--text', text, '--temperature', '8'], workspace);
    for (const { positions } of [hard, soft]) {
      expect(positions).toHaveLength(1);
      for (const side of [positions[0]!.teacher!, positions[0]!.student!]) {
        const sum = side.top.reduce((total, { probability }) => total + probability, side.other);
        expect(sum).toBeCloseTo(1, 12);
        expect(side.top.map(({ token }) => token).sort()).toEqual(['ham', 'spam']);
      }
      expect(positions[0]!.kl).toBeGreaterThanOrEqual(0);
    }
    // A higher temperature flattens: the entropy rises towards log 2.
    const entropy = ({ positions }: InspectResult): number => positions[0]!.teacher!.entropy;
    expect(entropy(soft)).toBeGreaterThan(entropy(hard));
    expect(entropy(soft)).toBeLessThanOrEqual(Math.log(2));
    expect(hard.tokens!.length).toBeGreaterThan(3);
    expect(hard.tokens![1]).toMatchObject({ start: 0 });
  });

  it('can be inspected by a row of its dataset, and so can its control and its student alone', async () => {
    const row = await documentHere<InspectResult>(['inspect', run, '--file', 'test.jsonl', '--row', '2'], workspace);
    expect(['ham', 'spam']).toContain(row.positions[0]!.label);
    const control = path.join(run, 'controls', 'no-distillation');
    const ofControl = await inspected(control, { text: 'hello' });
    expect(ofControl.positions[0]!.student).toBeDefined();
    const folder = await inspected(path.join(run, 'student'), { text: 'hello' });
    expect(folder.positions[0]!.student).toBeUndefined();
    expect(folder.positions[0]!.teacher).toBeDefined();
  });

  it('gives bit-identical weights when it is run again', async () => {
    const again = tinyWorkspace({
      task: 'text-classification',
      distillation: { hidden: { layers: [[1, 0]], weight: 0.1 } },
    });
    await documentHere(['run', 'tiny.distill.json'], again);
    for (const model of ['student', 'teacher/model', 'controls/no-distillation/student']) {
      expect(weightsOf(onlyRun(again), model).equals(weightsOf(run, model)), model).toBe(true);
    }
  });

  it('does not look at the test split while training', async () => {
    const without = tinyWorkspace({
      task: 'text-classification',
      withoutTest: true,
      distillation: { hidden: { layers: [[1, 0]], weight: 0.1 } },
      controls: [],
    });
    const { summary } = await documentHere<RunResult>(['run', 'tiny.distill.json'], without);
    expect(weightsOf(onlyRun(without)).equals(weightsOf(run))).toBe(true);
    expect(summary!.rows[0]!.split).toBe('validation');
  });

  it('gives a teacher to later experiments, as a folder and by its name', async () => {
    const folder = path.join(run, 'teacher', 'model');
    const students: Buffer[] = [];
    for (const teacher of [
      { source: 'checkpoint', path: folder },
      { source: 'run', run },
    ]) {
      const later = tinyWorkspace({ task: 'text-classification', teacher, training: { epochs: 1 }, controls: [] });
      const { summary } = await documentHere<RunResult>(['run', 'tiny.distill.json'], later);
      // It is frozen and taken as it is: what it was worth before is what it is worth now.
      expect(summary!.rows[0]!.metrics).toEqual(result.summary!.rows[0]!.metrics);
      students.push(weightsOf(onlyRun(later)));
      const { positions } = await inspected(onlyRun(later), { text: 'hello' });
      expect(positions[0]!.teacher).toBeDefined();
    }
    expect(students[0]!.equals(students[1]!)).toBe(true);
  });

  it('learns from texts without labels, which its control does not see', async () => {
    const teacher = { source: 'checkpoint', path: path.join(run, 'teacher/model') };
    const rows = sampleRows('spam', 'train', 96);
    const labelled = rows.slice(0, 16);
    const withoutLabel = (line: string): string => JSON.stringify({ ...(JSON.parse(line) as object), label: '' });
    const textAlone = (line: string): string => JSON.stringify({ text: (JSON.parse(line) as { text: string }).text });
    const mixed = tinyWorkspace({
      task: 'text-classification',
      teacher,
      training: { epochs: 1 },
      // As an empty label among the training rows, and in a file that has no labels.
      rows: {
        train: [...labelled, ...rows.slice(16, 56).map(withoutLabel)],
        unlabelled: rows.slice(56).map(textAlone),
      },
    });
    const plain = tinyWorkspace({
      task: 'text-classification',
      teacher,
      training: { epochs: 6 },
      rows: { train: labelled },
    });
    for (const folder of [mixed, plain]) await documentHere<RunResult>(['run', 'tiny.distill.json'], folder);
    const [ofMixed, ofPlain] = [onlyRun(mixed), onlyRun(plain)];

    const student = readLines<MetricsRecord>(path.join(ofMixed, 'metrics.jsonl'));
    expect(student.length).toBe(12); // 96 rows in batches of 8
    expect(student.some(({ loss }) => loss.hard === undefined)).toBe(true);
    expect(student.some(({ loss }) => loss.hard !== undefined)).toBe(true);
    for (const { loss, alpha, temperature } of student) {
      expect(loss.total).toBeCloseTo(alpha! * temperature! ** 2 * loss.soft! + (1 - alpha!) * (loss.hard ?? 0), 4);
    }
    const control = (folder: string) =>
      readLines<MetricsRecord>(path.join(folder, 'controls/no-distillation/metrics.jsonl')).map(({ loss }) => loss);
    expect(control(ofMixed)).toHaveLength(student.length);
    expect(control(ofMixed)).toEqual(control(ofPlain));

    const log = readFileSync(path.join(ofMixed, 'log.txt'), 'utf8');
    expect(log).toContain('16 training, 80 unlabelled and 24 validation examples');
    const { inputs } = JSON.parse(readFileSync(path.join(ofMixed, 'experiment.json'), 'utf8')) as ResolvedExperiment;
    expect(inputs.map((input) => path.basename(input.path))).toContain('unlabelled.jsonl');
    const unlabelled = { file: path.join(mixed, 'unlabelled.jsonl'), row: 1 };
    const [position] = (await inspected(onlyRun(mixed), unlabelled)).positions;
    expect(position!.label).toBeUndefined();
    expect(position!.kl).toBeGreaterThanOrEqual(0);
  });

  it('is exported, as a whole and never over what is there', async () => {
    const exported = await document<ExportResult>(['export', run, '--to', 'out/student'], workspace);
    const folder = path.join(workspace, 'out', 'student');
    expect(exported).toMatchObject({ run: path.basename(run), directory: folder, format: 'huggingface' });
    expect(exported.files).toEqual(
      expect.arrayContaining(['README.md', 'config.json', 'model.safetensors', 'tokenizer.json']),
    );
    expect(readFileSync(path.join(folder, 'model.safetensors'))).toEqual(weightsOf(run));
    expect(readFileSync(path.join(folder, 'README.md'), 'utf8')).toContain('# Tiny: student');
    expect((await loadCheckpoint(folder)).architecture.layers).toBe(1);
    expect(readdirSync(path.join(workspace, 'out'))).toEqual(['student']);

    const again = await distilleryHere(['export', run, '--to', 'out/student'], workspace);
    expect([again.code, again.stderr]).toEqual([2, expect.stringContaining('nothing is written over it')]);
    const asGguf = await distilleryHere(['export', run, '--format', 'gguf'], workspace);
    expect([asGguf.code, asGguf.stderr]).toEqual([2, expect.stringContaining('knows no model of the family "bert"')]);
    const asFew = await distilleryHere(['export', run, '--values', 'f16'], workspace);
    expect([asFew.code, asFew.stderr]).toEqual([2, expect.stringContaining('stores no weights as "f16"')]);
    expect(readdirSync(workspace).filter((name) => name.includes('-student'))).toEqual([]);

    await documentHere(['export', `${run}/controls/no-distillation`], workspace);
    expect(readFileSync(path.join(workspace, 'Tiny-student', 'README.md'), 'utf8')).toContain('# Tiny: control');
  });

  it('is exported as ONNX, and in 8 bits with what that costs measured and in its card', async () => {
    const { files, notes } = await documentHere<ExportResult>(
      ['export', run, '--to', 'onnx/f32', '--format', 'onnx'],
      workspace,
    );
    expect(files).toEqual(expect.arrayContaining(['README.md', 'config.json', 'model.onnx', 'tokenizer.json']));
    expect(files).not.toContain('model.safetensors');
    expect(notes).toEqual([]);
    const args = ['export', run, '--to', 'onnx/int8', '--format', 'onnx', '--values', 'int8'];
    const { cost, ...rounded } = await document<ExportResult>(args, workspace);
    expect(rounded.files).toContain('model_quantized.onnx');
    expect(rounded.notes[0]).toMatch(/^int8 against float32, on 24 test rows: accuracy \S+ → \S+, macro-F1/);
    // The exact file, asked through onnxruntime alone, is as good as the student was in the run's comparison.
    const student = (JSON.parse(readFileSync(path.join(run, 'run.json'), 'utf8')) as RunRecord).summary!.rows[1]!;
    expect(cost!.metrics.exact.loss).toBeCloseTo(student.metrics.loss!, 5);
    expect(cost!.metrics.exact.macroF1).toBe(student.metrics.macroF1);
    expect(cost!.meanKl).toBeGreaterThan(0);
    expect(cost!.meanKl).toBeLessThan(0.01);
    expect(cost!.bytes.rounded).toBeLessThan(cost!.bytes.exact);
    const card = readFileSync(path.join(workspace, 'onnx', 'int8', 'README.md'), 'utf8');
    expect(card).toContain('## ONNX');
    expect(card).toMatch(/\| int8 \| \S+\skB \|/);
  });

  it('is compared with others by name', async () => {
    const { rows } = await document<{ rows: unknown[] }>(['compare', path.basename(run), run], workspace);
    expect(rows).toHaveLength(6);
    const { stdout } = await distilleryHere(['compare', run], workspace);
    expect(stdout).toMatch(/retention/);
  });
});

describe('a run of a language-model experiment', () => {
  it('causal-lm: compares perplexities and continues a prompt', async () => {
    const workspace = tinyWorkspace({ task: 'causal-lm' });
    const { summary } = await documentHere<RunResult>(['run', 'tiny.distill.json'], workspace);
    const [teacher, student] = summary!.rows;
    for (const { metrics } of [teacher!, student!]) expect(metrics.perplexity).toBeGreaterThan(1);
    expect(summary!.teacherAtChance).toBe(true);
    expect(student!.retention).toBeUndefined();
    expect(student!.metrics.perplexity).toBeLessThan(512);
    const run = onlyRun(workspace);
    const args = ['complete', run, '--prompt', 'Call me', '--max-new-tokens', '5'];
    const greedy = await document<{ teacher: { tokens: unknown[] }; student: { text: string } }>(args, workspace);
    expect(greedy.teacher.tokens.length).toBeGreaterThan(0);
    expect(await completed(run, 'Call me', 5)).toEqual(greedy);
    const { positions } = await inspected(run, { text: 'Call me Ishmael.' });
    expect(positions[0]).toMatchObject({ counted: false, start: 0 });
    expect(positions[0]!.teacher).toBeUndefined();
    expect(positions.at(-1)).toMatchObject({ counted: true, label: '<|endoftext|>' });
    expect(positions[1]!.teacher!.top).toHaveLength(10);
  });

  it('masked-lm: learns from masked positions', async () => {
    const workspace = tinyWorkspace({ task: 'masked-lm', distillation: { hidden: { layers: [[0, 0]] } } });
    const { summary } = await documentHere<RunResult>(['run', 'tiny.distill.json'], workspace);
    expect(summary!.rows[1]!.metrics.perplexity).toBeLessThan(512);
    expect(summary!.rows[1]!.metrics.teacherKl).toBeGreaterThan(0);
  });

  it('learns by other divergences too', async () => {
    const workspace = tinyWorkspace({ task: 'causal-lm' });
    const file = path.join(workspace, 'tiny.distill.json');
    // Each step of each is held against PyTorch elsewhere: two stand for the settings' way to it.
    const others = allOr(
      Object.keys(divergences).filter((name) => name !== 'forward-kl'),
      ['skew-kl', 'cosine-logits'],
    );
    const experiment = JSON.parse(readFileSync(file, 'utf8')) as object;
    // As a sweep, for which one teacher is trained.
    const sweep = { 'distillation.divergence': others };
    writeFileSync(file, JSON.stringify({ ...experiment, controls: [], sweep }));
    const { rows } = await document<SweepResult>(['sweep', 'tiny.distill.json'], workspace);
    expect(rows.map(({ status, values }) => [values['distillation.divergence'], status])).toEqual(
      others.map((name) => [name, 'done']),
    );
    for (const { directory, values } of rows) {
      const metrics = readLines<MetricsRecord>(path.join(directory, 'metrics.jsonl'));
      const name = String(values['distillation.divergence']);
      expect(metrics.at(-1)!.loss.total, name).toBeLessThan(metrics[0]!.loss.total);
    }
  });
});
