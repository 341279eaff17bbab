/** @file Realistic, seeded data for the Lab's page: invented runs whose numbers hang together. For tests of layout only. */

import type {
  ComparisonDetail,
  ProbeSet,
  PromptRow,
  RunListing,
  RunSeries,
  RunSnapshot,
} from '../../src/protocol/lab-data';
import { columnsOf, type MetricsColumns } from '../../src/protocol/metrics-table';
import { comparisonDetail } from '../../src/protocol/predictions';
import type {
  ComparisonRow,
  EvaluationRecord,
  InspectedToken,
  MetricsRecord,
  PredictionRecord,
  ProbeExample,
  Role,
  RunStatus,
} from '../../src/protocol/records';

export interface SampleRun {
  run: RunSnapshot;
  probes: ProbeSet;
  /** The student's logits at a step of `probes.steps`. */
  student: (step: number) => Float32Array[];
}

/** Mulberry32, a public-domain generator of 32 bits: plenty for pictures. */
function random(seed: number): () => number {
  let a = seed | 0;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

function normal(next: () => number): number {
  return Math.sqrt(-2 * Math.log(next() + 1e-12)) * Math.cos(2 * Math.PI * next());
}

/** A text that would run, were it ever taken for markup. */
export const hostileText =
  '<img src=x onerror="document.title=1"><script>document.title=2</script> &lt;b&gt; </bdi>${document.title=3} {{4}}';

const sentences = [
  'Call me Ishmael. Some years ago—never mind how long precisely—having little or no money in my purse, and nothing particular to interest me on shore, I thought I would sail about a little and see the watery part of the world.',
  'Whenever I find myself growing grim about the mouth; whenever it is a damp, drizzly November in my soul',
  'It is a way I have of driving off the spleen, and regulating the circulation.',
  'Consider the subtleness of the sea; how its most dreaded creatures glide under water',
  'Better sleep with a sober cannibal than a drunken Christian.',
  'All visible objects, man, are but as pasteboard masks.',
  'I know not all that may be coming, but be it what it will, I will go to it laughing.',
  'Now small fowls flew screaming over the yet yawning gulf; a sullen white surf beat against its steep sides',
  'Look not too long in the face of the fire, O man! Never dream with thy hand on the helm!',
];

const mails = [
  ['Re: invoice for the conference dinner, final reminder before we close the list', 'ham'],
  ['Your mailbox has been selected! Claim the prize of $1,000,000 today, no purchase necessary', 'spam'],
  ['[ILUG] Free software day in Cork, anyone driving down from Dublin on Saturday?', 'ham'],
  ['Newsletter: five offers our readers liked in August, unsubscribe at any time', 'spam'],
  ['URGENT business proposal, strictly confidential, from the desk of the manager', 'spam'],
  ['Congratulations on your domain renewal, your receipt is attached', 'ham'],
  [
    'patch for the exmh pick sequence, please test before I commit it\n\n> Does this also mend the folder scan?\n\nIt does here.',
    'ham',
  ],
  ['You could be paying less for your mortgage! No obligation, apply now', 'spam'],
] as const;

/** Pieces of at most six letters, with the space before them, as a byte-pair tokenizer would cut. */
function tokenize(text: string, idOf: (token: string) => number): InspectedToken[] {
  const pieces = [...text.matchAll(/ ?[A-Za-z]{1,6}|[A-Za-z]{1,6}| ?[^A-Za-z\s]|\s/g)];
  return pieces.map((match) => ({
    id: idOf(match[0]),
    token: match[0],
    start: match.index,
    end: match.index + match[0].length,
  }));
}

function vocabularyOf(size: number): { names: string[]; idOf: (token: string) => number } {
  const ids = new Map<string, number>();
  const names: string[] = [];
  const idOf = (token: string): number => {
    const known = ids.get(token);
    if (known !== undefined) return known;
    ids.set(token, names.length);
    return names.push(token) - 1;
  };
  for (const text of [...sentences, hostileText]) tokenize(text, idOf);
  idOf('<|endoftext|>');
  const next = random(7);
  const syllables = 'ar bo ch de en fi gr ho il ju ke lo mu no op qu ra st th un ve wi ya zo'.split(' ');
  while (names.length < size) {
    const parts = Array.from({ length: 1 + Math.floor(3 * next()) }, () => syllables[Math.floor(24 * next())]!);
    idOf(`${next() < 0.6 ? ' ' : ''}${parts.join('')}`);
  }
  return { names: names.slice(0, size), idOf };
}

interface Prediction {
  teacher: Float32Array;
  final: Float32Array;
  start: Float32Array;
}

/** The teacher prefers the label and some others; the student ends near it, and starts from a flat guess. */
function predict(next: () => number, size: number, label: number, gap: number): Prediction {
  if (size === 2) {
    const sure = 3 + 4 * next();
    const pair = (z: number): Float32Array => Float32Array.from([0, 1], (v) => (v === label ? z : -z));
    return { teacher: pair(sure), final: pair(sure * (1 - gap * (0.5 + next()))), start: pair(0.3 * normal(next)) };
  }
  const teacher = Float32Array.from({ length: size }, () => -7 + 2 * normal(next));
  const start = Float32Array.from({ length: size }, () => -7 + 1.5 * normal(next));
  const final = teacher.map((z) => 0.94 * z + 0.5 * gap * normal(next));
  for (let k = 0; k < Math.min(9, size - 1); k++) {
    const other = Math.floor(next() * size);
    teacher[other] = 7.5 - 0.5 * k + 0.3 * normal(next);
    final[other] = teacher[other] + 0.9 * gap * normal(next);
  }
  teacher[label] = 8 + 2.5 * next();
  final[label] = teacher[label] - 2.4 * gap * next();
  return { teacher, final, start };
}

function probesOf(
  task: 'causal-lm' | 'text-classification',
  names: string[],
  examples: ProbeExample[],
  temperature: number,
  steps: number[],
  lastStep: number,
): Pick<SampleRun, 'probes' | 'student'> {
  const next = random(11);
  const predictions = examples.map(({ positions }) =>
    positions.map(({ label }) => ({
      ...predict(next, names.length, label, 0.3 + 1.6 * next() ** 2),
      pace: 0.2 + 1.6 * next(),
    })),
  );
  const join = (rows: Float32Array[]): Float32Array => {
    const all = new Float32Array(rows.length * names.length);
    rows.forEach((row, i) => all.set(row, i * names.length));
    return all;
  };
  return {
    probes: {
      examples: { task, temperature, names, examples },
      teacher: predictions.map((rows) => join(rows.map(({ teacher }) => teacher))),
      steps,
    },
    student: (step) =>
      predictions.map((rows) =>
        join(
          rows.map(({ start, final, pace }) => {
            const done = (1 - Math.exp((-5 * step) / lastStep)) ** pace / (1 - Math.exp(-5)) ** pace;
            return final.map((z, v) => done * z + (1 - done) * start[v]!);
          }),
        ),
      ),
  };
}

interface CurveShape {
  role: Role;
  name: string;
  steps: number;
  every: number;
  planned: number;
  soft: boolean;
  seed: number;
  alpha: number;
  temperature: number;
  hiddenWeight?: number;
  hard: [number, number];
}

const begin = Date.UTC(2025, 4, 7, 9, 0, 0);

function metricsOf(shape: CurveShape): MetricsColumns {
  const next = random(shape.seed);
  const decay = (from: number, to: number, step: number, half: number): number =>
    (to + (from - to) / (1 + step / half)) * (1 + 0.04 * normal(next));
  const records: MetricsRecord[] = [];
  for (let step = shape.every; step <= shape.steps; step += shape.every) {
    const at = step / shape.planned;
    const hard = decay(shape.hard[0], shape.hard[1], step, 0.05 * shape.planned);
    const soft = shape.soft ? decay(0.93, 0.07, step, 0.06 * shape.planned) : undefined;
    const hidden = shape.hiddenWeight === undefined ? undefined : decay(1.05, 0.2, step, 0.1 * shape.planned);
    const { alpha, temperature } = shape;
    const total =
      soft === undefined
        ? hard
        : alpha * temperature ** 2 * soft + (1 - alpha) * hard + (shape.hiddenWeight ?? 0) * (hidden ?? 0);
    records.push({
      step,
      epoch: 3 * at,
      time: new Date(begin + step * 198).toISOString(),
      tokens: step * 1024,
      loss: { total, hard, ...(soft !== undefined && { soft }), ...(hidden !== undefined && { hidden }) },
      ...(soft !== undefined && { temperature, alpha }),
      learningRate: 5e-4 * (at < 0.1 ? at / 0.1 : 0.5 * (1 + Math.cos(Math.PI * (at - 0.1) * (1 / 0.9)))),
      gradientNorm: decay(2.7, 0.7, step, 0.04 * shape.planned) * (1 + 0.1 * normal(next)),
      tokensPerSecond: 20_600 * (1 - 0.03 * next() - (step % 200 < 3 ? 0.15 : 0)),
    });
  }
  return columnsOf(records);
}

function evaluationsOf(role: Role, key: 'perplexity' | 'macroF1', values: [number, number][]): EvaluationRecord[] {
  return values.map(([step, value]) => ({ step, split: 'validation', role, metrics: { [key]: value } }));
}

function row(role: Role, name: string, f1: number, parameters: number, latencyMs: number, more: object): ComparisonRow {
  const bytes = parameters * 4 + 2200;
  const metrics = { macroF1: f1, accuracy: f1 + 0.006, calibrationError: role === 'control' ? 0.021 : 0.005, ...more };
  return {
    run: '20250507T090000_spam-filter',
    role,
    name,
    parameters,
    bytes,
    latencyMs,
    split: 'test',
    metrics,
    retention: f1 / 0.982,
    intervals: { macroF1: [f1 - 0.011, f1 + 0.009] },
    calibration: [0.55, 0.66, 0.76, 0.86, 0.99].map((confidence, i) => ({
      confidence,
      accuracy: Math.min(1, confidence - (role === 'control' ? 0.1 : 0.02) + 0.01 * i),
      count: 3 + 3 ** (i + 1),
    })),
    ...(role === 'student' && {
      gain: { over: 'no-distillation', value: 0.019, interval: [0.008, 0.03] as [number, number] },
    }),
  };
}

/** What the models said of each mail, three of them on the other side of the teacher. */
export function spamComparison(): ComparisonDetail {
  const records = [...mails, [hostileText, 'spam'] as const].map(([text, label], i): PredictionRecord => {
    const other = label === 'ham' ? 'spam' : 'ham';
    const prediction = (choice: string, probability: number, teacherKl?: number) => ({
      choice,
      probability,
      predictions: 1,
      correct: choice === label ? 1 : 0,
      negativeLogLikelihood: 0.1,
      ...(teacherKl !== undefined && { agreeing: choice === label ? 1 : 0, teacherKl }),
    });
    return {
      file: 'data/spam/test.jsonl',
      line: 12 + 71 * i,
      text,
      label,
      models: {
        teacher: prediction(label, 0.98 - 0.03 * i),
        student: prediction(i % 3 === 2 ? other : label, 0.61 + 0.02 * i, 0.4 + 0.1 * i),
        'no-distillation': prediction(i % 2 === 0 ? other : label, 0.7, 0.5),
      },
    };
  });
  return comparisonDetail(records, 'test');
}

/** The workspace's runs: those of a sweep over T, the one that is shown among them. */
export function listing(shown: RunSnapshot): RunListing[] {
  const { progress: _, ...record } = shown.record;
  const quality = { 1: 19.6, 2: 18.9, 4: 18.2, 8: 19.1 };
  const points = Object.entries(quality).map(([T, perplexity], i): RunListing => {
    const isShown = T === '2';
    const sweep = { id: 'sweep', values: { 'distillation.temperature': Number(T) } };
    return {
      id: isShown ? shown.id : `20250507T0${i}0000_moby-dick-T-${T}`,
      record: {
        ...record,
        name: isShown ? record.name : `Moby Dick, T ${T}`,
        started: new Date(begin + i * 3_600_000).toISOString(),
        sweep,
      },
      best: shown.record.task === 'causal-lm' ? { perplexity } : { macroF1: 0.97 - 0.002 * i },
    };
  });
  return points;
}

export const samplePrompts: PromptRow[] = sentences.slice(0, 3).map((sentence, i) => ({
  file: 'data/moby-dick/test.jsonl',
  line: 1 + 41 * i,
  text: sentence.split(' ').slice(0, 7).join(' '),
}));

/** A language model's run, on its way or as `status` says: three parts of the loss, a control that is done. */
export function mobyRun(status: RunStatus = 'running'): SampleRun {
  const { names, idOf } = vocabularyOf(2048);
  const texts = [...sentences, hostileText];
  const examples = texts.map((text, i): ProbeExample => {
    const tokens = [
      ...tokenize(text, idOf),
      { id: idOf('<|endoftext|>'), token: '<|endoftext|>', start: text.length, end: text.length },
    ];
    const predicted = tokens.slice(1).map(({ id }, k) => ({ token: k + 1, label: id }));
    // Of the second example not all is recorded, as with a large vocabulary.
    const positions = i === 1 ? predicted.slice(0, 12) : predicted;
    const counted = predicted.map(({ token }) => token);
    const paddedLength = 8 * Math.ceil(tokens.length / 8);
    return { text, file: 'data/moby-dick/validation.txt', line: 3 + 41 * i, tokens, positions, counted, paddedLength };
  });
  const [done, planned] = [1840, 2400];
  const shape = { planned, every: 4, alpha: 0.7, temperature: 2, hard: [7.6, 3.0] as [number, number] };
  const series: RunSeries[] = [
    {
      role: 'teacher',
      name: 'teacher',
      metrics: metricsOf({ ...shape, role: 'teacher', name: 'teacher', steps: planned, soft: false, seed: 4 }),
      evaluations: evaluationsOf('teacher', 'perplexity', [[2400, 14.6]]),
    },
    {
      role: 'student',
      name: 'student',
      metrics: metricsOf({
        ...shape,
        role: 'student',
        name: 'student',
        steps: done,
        soft: true,
        seed: 5,
        hiddenWeight: 0.5,
      }),
      evaluations: evaluationsOf(
        'student',
        'perplexity',
        [200, 400, 600, 800, 1000, 1200, 1400, 1600, 1800].map((s) => [s, 18.2 + 9000 / (s + 140) - 3.9]),
      ),
    },
    {
      role: 'control',
      name: 'no-distillation',
      metrics: metricsOf({
        ...shape,
        role: 'control',
        name: 'no-distillation',
        steps: planned,
        soft: false,
        seed: 6,
        hard: [7.7, 3.15],
      }),
      evaluations: evaluationsOf(
        'control',
        'perplexity',
        [200, 400, 600, 800, 1000, 1200, 1400, 1600, 1800, 2000, 2200, 2400].map((s) => [
          s,
          18.4 + 10_400 / (s + 160) - 1,
        ]),
      ),
    },
  ];
  return {
    run: {
      id: '20250507T090000_moby-dick',
      record: {
        name: 'Moby Dick',
        task: 'causal-lm',
        status,
        pid: 4711,
        engine: 'cpu',
        device: 'AMD EPYC, 2 cores',
        started: new Date(begin).toISOString(),
        ...(status !== 'running' && { ended: new Date(begin + 364_000).toISOString() }),
        error:
          status === 'failed'
            ? { message: 'The loss became NaN at step 1,841.', remedy: 'Lower training.learningRate, now 0.0005.' }
            : null,
        progress: { role: 'student', phase: 'training', step: done, steps: planned, fraction: 0.766, secondsLeft: 111 },
      },
      experiment: {
        student: { family: 'gpt2', layers: 4, hiddenSize: 256 },
        teacher: { family: 'gpt2', layers: 8, hiddenSize: 512 },
        divergence: 'forward-kl',
        scaleByTemperatureSquared: true,
        hidden: {
          weight: 0.5,
          layers: [
            [3, 1],
            [7, 3],
          ],
        },
        clipNorm: 1,
        schedule: 'cosine',
        evaluateEvery: 200,
      },
      settings: { 'distillation.alpha': '0.7', 'distillation.temperature': '2', 'training.learningRate': '0.0005' },
      series,
    },
    ...probesOf('causal-lm', names, examples, 2, [0, 200, 400, 600, 800, 1000, 1200, 1400, 1600, 1800], planned),
  };
}

/** A classifier's run that is done, with its comparison. */
export function spamRun(): SampleRun {
  const names = ['ham', 'spam'];
  const { idOf } = vocabularyOf(64);
  const examples = [...mails, [hostileText, 'spam'] as const].map(([text, label], i): ProbeExample => {
    const special = (token: string): InspectedToken => ({ id: idOf(token), token, start: 0, end: 0 });
    const tokens = [special('[CLS]'), ...tokenize(text, idOf), special('[SEP]')];
    return {
      text,
      file: 'data/spam/validation.jsonl',
      line: 12 + 71 * i,
      tokens,
      positions: [{ token: -1, label: names.indexOf(label) }],
    };
  });
  const planned = 909;
  const shape = { planned, every: 3, alpha: 0.7, temperature: 4, hard: [0.7, 0.06] as [number, number] };
  const steps = [0, 100, 200, 300, 400, 500, 600, 700, 800, 900];
  const f1 = (top: number): [number, number][] => steps.slice(1).map((s) => [s, top - 0.4 * Math.exp(-s / 150)]);
  const series: RunSeries[] = [
    {
      role: 'student',
      name: 'student',
      metrics: metricsOf({ ...shape, role: 'student', name: 'student', steps: planned, soft: true, seed: 8 }),
      evaluations: [
        ...evaluationsOf('teacher', 'macroF1', [[909, 0.982]]),
        ...evaluationsOf('student', 'macroF1', f1(0.972)),
      ],
    },
    {
      role: 'control',
      name: 'no-distillation',
      metrics: metricsOf({ ...shape, role: 'control', name: 'no-distillation', steps: planned, soft: false, seed: 9 }),
      evaluations: evaluationsOf('control', 'macroF1', f1(0.954)),
    },
  ];
  return {
    run: {
      id: '20250507T090000_spam-filter',
      record: {
        name: 'Spam filter',
        task: 'text-classification',
        status: 'done',
        pid: 4712,
        engine: 'cpu',
        device: 'AMD EPYC, 2 cores',
        started: new Date(begin).toISOString(),
        ended: new Date(begin + 74_000).toISOString(),
        error: null,
        summary: {
          rows: [
            row('teacher', 'teacher', 0.982, 14_100_000, 9.4, {}),
            row('student', 'student', 0.971, 1_530_000, 1.2, { agreement: 0.981, teacherKl: 0.0412 }),
            row('control', 'no-distillation', 0.952, 1_530_000, 1.2, { agreement: 0.969, teacherKl: 0.127 }),
          ],
        },
      },
      experiment: {
        student: { family: 'bert', layers: 2, hiddenSize: 128 },
        teacher: { family: 'bert', layers: 6, hiddenSize: 384 },
        divergence: 'forward-kl',
        scaleByTemperatureSquared: true,
        clipNorm: 1,
        schedule: 'linear',
        evaluateEvery: 100,
      },
      settings: { 'distillation.alpha': '0.7', 'distillation.temperature': '4', 'training.learningRate': '0.001' },
      series,
    },
    ...probesOf('text-classification', names, examples, 4, steps, planned),
  };
}
