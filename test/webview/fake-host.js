/** @file Stands in for VS Code in the harness page: its interface, its theme, and an extension that answers with sample data. */

import { mobyRun, spamRun } from './sample-run';
import themes from './themes.json';

const query = new URLSearchParams(location.search);
const theme = themes[query.get('theme') ?? 'dark'];
for (const [name, value] of Object.entries(theme.variables)) document.documentElement.style.setProperty(name, value);
document.body.classList.add(theme.kind);

const kind = query.get('run') ?? 'moby';
const sample = kind === 'spam' ? spamRun() : mobyRun(query.get('status') ?? 'running');
const { id, record } = sample.run;
const moved = Date.now() - 7_500_000 - Date.parse(record.started);
for (const key of ['started', 'ended']) {
  if (record[key])
    record[key] = new Date(Date.parse(record[key]) + (kind === 'spam' ? moved : moved + 7_136_000)).toISOString();
}

/** What the page said, and what its policy refused: read by the test. */
window.heard = [];
window.refused = [];
window.states = [];
document.addEventListener('securitypolicyviolation', (event) => {
  window.refused.push(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`);
});

/** As the extension would: the message is cloned and arrives later. */
window.send = (message) => void setTimeout(() => window.postMessage(structuredClone(message)));

function answer(message) {
  if (message.type === 'ready') {
    if (kind === 'empty') return window.send({ type: 'empty' });
    if (kind === 'silent') return undefined;
    window.send({ type: 'run', run: kind === 'early' ? beforeFirstStep() : sample.run });
    if (kind !== 'early') window.send({ type: 'probes', id, probes: sample.probes });
  }
  if (message.type === 'showProbe') {
    window.send({ type: 'probe', id, step: message.step, student: sample.student(message.step) });
  }
  return undefined;
}

function beforeFirstStep() {
  const teacher = sample.run.series.filter(({ role }) => role === 'teacher');
  return {
    ...sample.run,
    series: teacher.map((one) => ({ ...one, metrics: one.metrics.slice(0, 80), evaluations: [] })),
  };
}

let state = JSON.parse(query.get('state') ?? 'null') ?? undefined;
window.acquireVsCodeApi = () => ({
  postMessage(message) {
    window.heard.push(message);
    answer(message);
  },
  getState: () => state,
  setState(next) {
    state = next;
    window.kept = next;
    window.states.push(next);
  },
});
