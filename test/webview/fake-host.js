/** @file Stands in for VS Code in the harness page: its interface, its theme, and an extension that answers with sample data. */

import { alignedRun } from './sample/aligned-run';
import { spamComparison } from './sample/comparison';
import { embeddingComparison, embeddingRun } from './sample/embedding-run';
import { entityComparison, entityRun } from './sample/entity-run';
import { labelComparison, labelRun } from './sample/label-runs';
import { listing, samplePrompts } from './sample/listing';
import { mobyRun } from './sample/moby-run';
import { spamRun } from './sample/spam-run';
import dark from './themes/dark.json';
import hcLight from './themes/hc-light.json';
import hc from './themes/hc.json';
import light from './themes/light.json';

/** Colours as the editor gives them to a page: test/journeys/accessibility.journey.ts compares. */
const themes = { dark, light, hc, 'hc-light': hcLight };

/** Those of the editor on the desktop. */
const fonts = {
  '--vscode-font-family': '"Segoe UI", system-ui, "Ubuntu", "Droid Sans", sans-serif',
  '--vscode-font-size': '13px',
  '--vscode-font-weight': 'normal',
  '--vscode-editor-font-family': 'Menlo, Consolas, "DejaVu Sans Mono", monospace',
  '--vscode-editor-font-size': '14px',
};

const query = new URLSearchParams(location.search);
/** As the editor does it, also while the page is open. When the toolkit has followed: it hears of the class, and draws its buttons anew in a frame after that. */
window.setTheme = async (name) => {
  const { kind } = themes[name];
  const variables = { ...fonts, ...themes[name].variables };
  // What another theme has and this one has not.
  for (const variable of [...document.documentElement.style])
    if (!(variable in variables)) document.documentElement.style.removeProperty(variable);
  for (const [variable, value] of Object.entries(variables))
    document.documentElement.style.setProperty(variable, value);
  document.body.className = kind;
  for (let frame = 0; frame < 2; frame++) await new Promise((drawn) => requestAnimationFrame(drawn));
};
void window.setTheme(query.get('theme') ?? 'dark');

const kind = query.get('run') ?? 'moby';
const isLabels = kind === 'multiple' || kind === 'regression';
const isEntities = kind === 'entities';
const isEmbeddings = kind === 'embeddings';
const sample = isEmbeddings
  ? embeddingRun()
  : isEntities
    ? entityRun()
    : isLabels
      ? labelRun(kind)
      : kind === 'spam'
        ? spamRun()
        : kind === 'aligned'
          ? alignedRun()
          : mobyRun(query.get('status') ?? 'running');
const { id, record } = sample.run;
const moved = Date.now() - 7_500_000 - Date.parse(record.started);
for (const key of ['started', 'ended']) {
  if (record[key])
    record[key] = new Date(
      Date.parse(record[key]) + (kind === 'spam' || isLabels || isEntities ? moved : moved + 7_136_000),
    ).toISOString();
}

/** What the page asked, and what its policy refused: read by the test. */
window.heard = [];
window.refused = [];
window.states = [];
document.addEventListener('securitypolicyviolation', (event) => {
  window.refused.push(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`);
});

/** As the extension would: the message arrives later, as a copy, which `postMessage` makes. */
window.send = (message) => {
  window.underWay++;
  setTimeout(() => window.postMessage(message));
};
/** Messages that were sent and have not arrived: none before the page, which listens later, has dealt with the last. */
window.underWay = 0;
window.addEventListener('message', () => setTimeout(() => window.underWay--));

/** Requests that are to fail, by their method, and with which problem. */
window.failing = JSON.parse(query.get('failing') ?? '{}');

/** Not answered, as while models are still at work. */
const pending = Symbol('pending');

const handlers = {
  ready() {
    if (kind === 'empty') return void window.send({ type: 'empty' });
    if (kind === 'silent') return undefined;
    window.send({ type: 'trust', trusted: query.get('trusted') !== 'no' });
    window.send({ type: 'runs', runs: listing(sample.run) });
    window.send({ type: 'run', run: kind === 'early' ? beforeFirstStep() : sample.run });
    if (kind !== 'early') window.send({ type: 'probes', id, probes: sample.probes });
    return undefined;
  },
  probe: ({ step }) => sample.student(query.get('apart') === 'growing' ? growing(step) : step),
  besides({ runs }) {
    for (const other of runs) {
      const series = sample.run.series.map((one) => ({
        ...one,
        metrics: { ...one.metrics, total: one.metrics.total.map((v) => 1.2 * v) },
      }));
      const found = listing(sample.run).find((run) => run.id === other);
      window.send({
        type: 'beside',
        run: {
          ...sample.run,
          id: other,
          record: { ...sample.run.record, ...found.record },
          series,
          settings: { ...sample.run.settings, 'distillation.temperature': '8' },
        },
      });
    }
  },
  comparison: () =>
    isEmbeddings
      ? embeddingComparison()
      : isEntities
        ? entityComparison()
        : isLabels
          ? labelComparison(kind)
          : kind === 'spam'
            ? spamComparison()
            : null,
  prompts: () => samplePrompts,
  complete,
  inspectRow: () => pending,
};

function answer({ number, method, params }) {
  const problem = window.failing[method];
  if (problem) return window.send({ type: 'failure', number, problem });
  const result = handlers[method]?.(params, (value) => window.send({ type: 'progress', number, value }));
  return result === pending ? undefined : window.send({ type: 'answer', number, result });
}

/** A student that begins near its teacher and goes away from it. */
function growing(step) {
  const { steps } = sample.probes;
  return steps.at(-1 - steps.indexOf(step));
}

/** Two models continue a prompt: tokens one by one, then what each expected. */
function complete({ prompt }, tell) {
  const words = {
    teacher: [' and', ' the', ' sea', ' was', ' calm', '.'],
    student: [' and', ' the', ' whale', ' was', ' white', '.'],
  };
  const names = sample.probes.examples.names;
  const scored = {};
  for (const [side, tokens] of Object.entries(words)) {
    const told = tokens.map((token, i) => ({ id: i, token, probability: 0.3 + 0.1 * (i % 5) }));
    const other = side === 'teacher' ? 'student' : 'teacher';
    const distribution = (own, probability) => ({
      entropy: 1.2,
      top: [
        { id: 900, token: names[40], probability: 0.4 },
        { id: 901, token: names[41], probability: 0.2 },
      ],
      other: 0.4,
      ofOther: [0.25, 0.1],
      label: { probability, rank: own ? 1 : 4 },
    });
    told.forEach((token, i) => {
      const expected = { [side]: { ...distribution(true, token.probability), ofOther: undefined } };
      tell({ side, token: { ...token, expected }, text: tokens.slice(0, i + 1).join('') });
    });
    scored[side] = {
      text: tokens.join(''),
      tokens: told.map((token, i) => ({
        ...token,
        expected: { [side]: distribution(true, token.probability), [other]: distribution(false, 0.05 + 0.02 * i) },
      })),
    };
  }
  // A prompt that ends so is left without an end, as while models are still at work.
  return prompt.endsWith('…') ? pending : scored;
}

function beforeFirstStep() {
  const teacher = sample.run.series.filter(({ role }) => role === 'teacher');
  return {
    ...sample.run,
    series: teacher.map((one) => ({
      ...one,
      metrics: Object.fromEntries(Object.entries(one.metrics).map(([name, values]) => [name, values.slice(0, 80)])),
      evaluations: [],
    })),
  };
}

let state = JSON.parse(query.get('state') ?? 'null') ?? undefined;
window.acquireVsCodeApi = () => ({
  postMessage(message) {
    window.heard.push({ method: message.method, ...message.params });
    answer(message);
  },
  getState: () => state,
  setState(next) {
    state = next;
    window.kept = next;
    window.states.push(next);
  },
});
