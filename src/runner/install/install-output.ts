/** @file What an installation says while it goes on: a bar in a terminal, lines elsewhere, JSON lines for programs. */

import cliProgress from 'cli-progress';
import { formatBytes, formatPercent } from '../../protocol/format';
import type { InstallProgress } from '../../protocol/machine-records';
import type { InstallListener, InstallPhase } from './install';

/** Lines and JSON come no more often than this, in milliseconds. */
const LINE_INTERVAL = 2000;
const JSON_INTERVAL = 200;

/** Progress goes to standard error, so that standard output holds the result alone. */
const stream = process.stderr;
const write = (line: string): void => void stream.write(`${line}\n`);

export type InstallOutput = InstallListener & { end(): void };

export function installOutput(json: boolean): InstallOutput {
  if (json) return jsonOutput();
  return stream.isTTY ? barOutput() : lineOutput();
}

function jsonOutput(): InstallOutput {
  const say = (message: InstallProgress): void => write(JSON.stringify(message));
  return {
    progress: sparsely(JSON_INTERVAL, (phase, bytes, of) => say({ phase, bytes, of })),
    note: (note) => say({ note }),
    end: () => undefined,
  };
}

function lineOutput(): InstallOutput {
  return {
    progress: sparsely(LINE_INTERVAL, (phase, bytes, of) => write(`${phase} ${amount(bytes, of)}`)),
    note: write,
    end: () => undefined,
  };
}

function barOutput(): InstallOutput {
  // Only a MultiBar can write lines above its bars.
  const bars = new cliProgress.MultiBar(
    { format: '{phase} {bar} {amount}', stream, hideCursor: true, clearOnComplete: true, barsize: 24, fps: 8 },
    cliProgress.Presets.shades_classic,
  );
  let bar: cliProgress.SingleBar | undefined;
  return {
    progress: (phase, bytes, of) => {
      const shown = { phase: phase.padEnd('downloading'.length), amount: amount(bytes, of) };
      bar ??= bars.create(of, bytes, shown);
      bar.setTotal(of);
      bar.update(bytes, shown);
    },
    note: (line) => bars.log(`${line}\n`),
    end: () => bars.stop(),
  };
}

const amount = (bytes: number, of: number): string => `${formatPercent(bytes / of)} of ${formatBytes(of)}`;

/** The first of each phase, then one in an interval. */
function sparsely(interval: number, say: InstallListener['progress']): InstallListener['progress'] {
  let last: { phase?: InstallPhase; time: number } = { time: 0 };
  return (phase, bytes, of) => {
    if (phase === last.phase && performance.now() - last.time < interval) return;
    last = { phase, time: performance.now() };
    say(phase, bytes, of);
  };
}
