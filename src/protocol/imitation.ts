/** @file Losses that imitate what is inside the teacher, by the names under which experiment files ask for them: what each is set by, what it reads, and what is said of it. */

/** How hidden states are compared. */
export const hiddenLossKinds = ['mse', 'cosine'] as const;

export type HiddenLossKind = (typeof hiddenLossKinds)[number];

/** How attention is compared: scores before the softmax, or the distributions after it. */
export const attentionLossKinds = ['mse', 'ce'] as const;

export type AttentionLossKind = (typeof attentionLossKinds)[number];

/** What a block's projections make of each token, and what relations are of. */
export const vectorKinds = ['queries', 'keys', 'values'] as const;

export type VectorKind = (typeof vectorKinds)[number];

/** What is read of a block: its output, its scores of attention, or what its projections give. */
export type Reading = 'hidden' | 'attention' | VectorKind;

/** Rules by which blocks of the student are given blocks of the teacher. */
export const blockRules = ['uniform', 'last'] as const;

export type BlockRule = (typeof blockRules)[number];

/** [teacher block, student block], counted from 0. */
export type BlockPairs = readonly (readonly [number, number])[];

/** What every such loss is set by. */
export interface ImitationSettings {
  layers: BlockPairs | BlockRule;
  /** Of the loss in the total. */
  weight: number;
}

/** Which hidden states are compared, and how. */
interface HiddenSettings extends ImitationSettings {
  loss: HiddenLossKind;
  layers: BlockPairs;
}

/** Whose attention is compared, and how. */
interface AttentionSettings extends ImitationSettings {
  loss: AttentionLossKind;
}

/** Which relations between tokens are compared. */
interface RelationsSettings extends ImitationSettings {
  of: readonly VectorKind[];
  /** Relation heads; absent: as many as the student has heads. */
  heads?: number | undefined;
}

/** Each loss with its settings, as `distillation` of an experiment has them. */
export interface Imitation {
  hidden: HiddenSettings;
  attention: AttentionSettings;
  relations: RelationsSettings;
}

export type ImitationName = keyof Imitation;

/** Those of an objective. */
export type Imitations = { readonly [Name in ImitationName]?: Imitation[Name] | undefined };

interface ImitationFacts<Settings> {
  /** What it reads of each block that is compared; the loss is the sum over pairs of blocks and over these. */
  reads: (settings: Settings) => readonly Reading[];
  /** As a chart names it; translated where it is shown, as the other texts are that a page or the editor has. */
  title: string;
  /** What a chart says of it: by its setting "loss", or `any`, with places for its blocks, `{pairs}`, and for `{heads}`. */
  notes: Readonly<Record<string, string>>;
  /** The teacher's, that is imitated: `the teacher's …`. */
  imitated: string;
  /** Of a teacher that shows its predictions alone: there `are` or `is` no … */
  missing: readonly [verb: 'are' | 'is', what: string];
  /** Of its curve: on the page by the theme's colours, and in files on white and on dark paper, 4.5:1 or more. */
  colours: Readonly<Record<'page' | 'light' | 'dark', string>>;
  /** To begin with in an experiment file: what it is called there, and its settings in TextMate's notation. */
  snippet: Readonly<Record<'title' | 'description' | 'body', string>>;
}

/** In the order in which they are drawn and told of. */
export const imitationFacts: { readonly [Name in ImitationName]: ImitationFacts<Imitation[Name]> } = {
  hidden: {
    reads: () => ['hidden'],
    title: 'Hidden-layer loss',
    notes: { any: 'blocks, teacher → student: {pairs}' },
    imitated: 'hidden states',
    missing: ['are', 'hidden states to imitate'],
    colours: { page: 'var(--vscode-charts-yellow)', light: '#7d6a00', dark: '#d2b53b' },
    snippet: {
      title: 'imitate hidden states',
      description: 'Pairs [teacher block, student block], counted from 0. Where widths differ, a projection is learnt.',
      body: '{ "layers": [[${1:1}, ${2:0}], [${3:3}, ${4:1}]], "weight": ${5:0.1} }',
    },
  },
  attention: {
    reads: () => ['attention'],
    title: 'Attention loss',
    notes: { mse: 'squares of scores, blocks {pairs}', ce: 'cross-entropy, blocks {pairs}' },
    imitated: 'attention',
    missing: ['is', 'attention to imitate'],
    colours: { page: 'var(--teacher)', light: '#0969da', dark: '#58a6ff' },
    snippet: {
      title: 'imitate attention',
      description: "What the teacher's heads look at, block by block or in the last; the student has as many heads.",
      body: '{ "loss": "${1|mse,ce|}", "layers": "${2|uniform,last|}", "weight": ${3:0.1} }',
    },
  },
  relations: {
    reads: ({ of }) => of,
    title: 'Relation loss',
    notes: { any: 'KL, relation heads: {heads}, blocks {pairs}' },
    imitated: 'relations between tokens',
    missing: ['are', 'queries, keys and values whose relations could be imitated'],
    colours: {
      page: 'color-mix(in srgb, var(--teacher) 50%, var(--label))',
      light: '#1b7c83',
      dark: '#39c5cf',
    },
    snippet: {
      title: 'imitate relations',
      description:
        "How alike tokens are in the teacher's queries, keys and values, whatever the student's width and heads.",
      body: '{ "of": ["queries", "keys", "values"], "heads": ${1:4}, "layers": "${2|last,uniform|}", "weight": ${3:1} }',
    },
  },
};

export const imitationNames = Object.keys(imitationFacts) as ImitationName[];

/** What there is of each. */
export const ofEachImitation = <T>(made: (name: ImitationName) => T): Record<ImitationName, T> =>
  Object.fromEntries(imitationNames.map((name) => [name, made(name)])) as Record<ImitationName, T>;

/** What is made of each that there is. */
export function eachImitation<T>(
  imitations: Imitations | undefined,
  make: <Name extends ImitationName>(name: Name, settings: Imitation[Name]) => T,
): T[] {
  return imitationNames.flatMap((name) => {
    const settings = imitations?.[name];
    return settings ? [make(name, settings)] : [];
  });
}
