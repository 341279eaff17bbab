/** @file Collects and runs specs as Jasmine does: nested suites, hooks, `done` callbacks, spies that last as long as their spec. */

import { restoreSpies, spiesInstalled } from './spies';

interface Done {
  (): void;
  fail: (reason?: unknown) => void;
}

type Step = (done: Done) => unknown;
type Hook = 'beforeAll' | 'beforeEach' | 'afterEach' | 'afterAll';

interface Spec {
  readonly name: string;
  /** Absent where the suite's author switched the spec off. */
  readonly run: Step | undefined;
  readonly timeout: number | undefined;
}

class Suite {
  readonly hooks: Record<Hook, Step[]> = { beforeAll: [], beforeEach: [], afterEach: [], afterAll: [] };
  readonly children: (Suite | Spec)[] = [];

  constructor(
    readonly name: string,
    readonly parent: Suite | undefined,
  ) {}

  get path(): Suite[] {
    return [...(this.parent?.path ?? []), this];
  }
}

export type SpecOutcome = { status: 'passed' | 'skipped' } | { status: 'failed'; problems: string[] };

/** What tfjs's tests read and set; a spec of its own limit is not bound by it. In milliseconds. */
export const limits = { DEFAULT_TIMEOUT_INTERVAL: 20_000 };

const root = new Suite('', undefined);
let collecting = root;
let problems: string[] = [];

export function describe(name: string, define: () => void): void {
  const suite = new Suite(name, collecting);
  collecting.children.push(suite);
  collecting = suite;
  define();
  collecting = suite.parent!;
}

export function it(name: string, run: Step, timeout?: number): void {
  collecting.children.push({ name, run, timeout });
}

export function xit(name: string): void {
  collecting.children.push({ name, run: undefined, timeout: undefined });
}

export const hook =
  (kind: Hook) =>
  (step: Step): void => {
    collecting.hooks[kind].push(step);
  };

/** Fails the spec that runs, and lets it go on. */
export function fail(reason?: unknown): void {
  problems.push(reason instanceof Error ? (reason.stack ?? reason.message) : String(reason));
}

/** Runs every collected spec whose full name `chosen` accepts, in order. */
export async function runSpecs(
  chosen: (name: string) => boolean,
  report: (name: string, outcome: SpecOutcome) => void,
): Promise<void> {
  // A promise that a test leaves behind fails the spec during which it breaks, not the process.
  process.on('uncaughtException', fail).on('unhandledRejection', fail);
  await runSuite(root, chosen, report);
}

async function runSuite(suite: Suite, chosen: (name: string) => boolean, report: Parameters<typeof runSpecs>[1]) {
  const spies = spiesInstalled();
  let started = false;
  let setupProblems: string[] = [];
  for (const child of suite.children) {
    const runs = isChosen(suite, child, chosen);
    if (runs && !started) setupProblems = await collectProblems(() => runSteps(suite.hooks.beforeAll));
    started ||= runs;
    if (child instanceof Suite) await runSuite(child, chosen, report);
    else report(nameOf(suite, child), runs ? await runSpec(suite, child, setupProblems) : { status: 'skipped' });
  }
  if (started) await runSteps(suite.hooks.afterAll);
  restoreSpies(spies);
}

/** Of a suite, whether any spec in it is to run. */
function isChosen(parent: Suite, child: Suite | Spec, chosen: (name: string) => boolean): boolean {
  if (child instanceof Suite) return child.children.some((inner) => isChosen(child, inner, chosen));
  return child.run !== undefined && chosen(nameOf(parent, child));
}

const nameOf = (suite: Suite, spec: Spec): string =>
  [...suite.path.map(({ name }) => name), spec.name].filter(Boolean).join(' ');

async function runSpec(suite: Suite, spec: Spec, setupProblems: readonly string[]): Promise<SpecOutcome> {
  const spies = spiesInstalled();
  const found = await collectProblems(async () => {
    await runSteps(suite.path.flatMap(({ hooks }) => hooks.beforeEach));
    await runStep(spec.run!, spec.timeout);
    await runSteps(suite.path.reverse().flatMap(({ hooks }) => hooks.afterEach));
  });
  restoreSpies(spies);
  const all = [...setupProblems, ...found];
  return all.length > 0 ? { status: 'failed', problems: all } : { status: 'passed' };
}

async function collectProblems(run: () => Promise<void>): Promise<string[]> {
  problems = [];
  await run();
  return problems;
}

async function runSteps(steps: readonly Step[]): Promise<void> {
  for (const step of steps) await runStep(step);
}

/** A step ends when its promise does, or when it calls `done` where it takes that. What it throws fails the spec. */
async function runStep(step: Step, timeout = limits.DEFAULT_TIMEOUT_INTERVAL): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const expired = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done within ${timeout} ms`)), timeout);
  });
  try {
    await Promise.race([step.length > 0 ? untilDone(step) : step(undefined as never), expired]);
  } catch (error) {
    fail(error);
  } finally {
    clearTimeout(timer);
  }
}

function untilDone(step: Step): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = Object.assign(() => resolve(), {
      fail: (reason?: unknown) => {
        fail(reason);
        resolve();
      },
    });
    Promise.resolve(step(done)).catch(reject);
  });
}
