/** @file What PyTorch's processes have said, in files of the run directory: one of all of them, and one of each rank that has said something. */

import { existsSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { requireOwned } from './owned';
import type { RunPaths } from './run-paths';

export interface ProcessLog {
  file: string;
  /** Folder of the training below the run's: `student`, `teacher`, `controls/NAME`, `seeds/2`; absent for what all have said. */
  training?: string;
  /** Of several hosts, the one that it is from. */
  host?: string | undefined;
  /** Of its process, from 0, among those of its host; absent for what all processes of the training have said. */
  rank?: number;
  /** How often torchrun had begun anew before, from 0. */
  attempt?: number;
  bytes: number;
}

/** As torchrun names them below the folder of a training, or below hosts/NAME in it: START/attempt_N/RANK/stderr.log. */
const OF_RANK = /^(?:(.+?)\/)?(?:hosts\/([^/]+)\/)?[^/]+\/attempt_(\d+)\/(\d+)\/stderr\.log$/;

const OF_ALL = /^(?:(.+?)\/)?(?:hosts\/([^/]+)\/)?torchrun\.log$/;

/** Those that are not empty, what all have said first, then by training, rank and attempt. */
export async function processLogs({ directory }: Pick<RunPaths, 'directory'>): Promise<ProcessLog[]> {
  const root = path.join(directory, 'logs');
  const common = path.join(directory, 'torchrun.log');
  const found: ProcessLog[] = [];
  const add = async (file: string, named: Omit<ProcessLog, 'file' | 'bytes'>): Promise<void> => {
    requireOwned(file);
    const { size } = await stat(file);
    if (size > 0) found.push({ file, bytes: size, ...named });
  };
  if (existsSync(common)) await add(common, {});
  if (!existsSync(root)) return found;
  requireOwned(root);
  const names = await readdir(root, { recursive: true, withFileTypes: true });
  const files = names.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
  for (const file of files.sort()) {
    const name = path.relative(root, file).split(path.sep).join('/');
    const ofRank = OF_RANK.exec(name);
    if (ofRank) {
      const [, training = '', host, attempt, rank] = ofRank;
      await add(file, { training, host, rank: Number(rank), attempt: Number(attempt) });
    } else {
      const ofAll = OF_ALL.exec(name);
      if (ofAll) await add(file, { training: ofAll[1] ?? '', host: ofAll[2] });
    }
  }
  const order = ({ training = '', host = '', rank = -1, attempt = 0 }: ProcessLog): string =>
    [training, host, String(rank + 1).padStart(6, '0'), String(attempt).padStart(4, '0')].join(' ');
  return found.sort((a, b) => (order(a) < order(b) ? -1 : 1));
}
