/** @file What is on a machine: its devices, libraries and models, and the hosts that a person has named. */

import type { DeviceKind, EngineName, Precision } from './engines';
import type { Complaint } from './problem';
import type { Task } from './records';

/** A run that trains on a device. */
export interface DeviceUser {
  /** Name of the run's folder. */
  run: string;
  directory: string;
  pid: number;
}

/** How fast the small training step ran, by which engines are compared. */
interface MeasuredSpeed {
  precision: Precision;
  /** The fastest of a few steps, in milliseconds. */
  stepMs: number;
  tokensPerSecond: number;
  /** When; ISO 8601, UTC. */
  time: string;
}

/** An engine on what it computes on. */
export interface DeviceRecord {
  engine: EngineName;
  /** The device's own name; the engine's where it is not available. */
  name: string;
  available: boolean;
  /** Why not, and what to do, in the terminal's words; null when available. */
  reason: string | null;
  /** The same as data; absent when available. */
  problem?: Complaint | undefined;
  memoryBytes?: number | undefined;
  /** Engines on the same device wait for each other. */
  device: DeviceKind;
  precisions: Precision[];
  /** Imitated by the CPU: right results, no speed. "auto" never takes it. */
  software?: true | undefined;
  /** Empty until measured. */
  speeds: MeasuredSpeed[];
  /** The run that trains on this device now. */
  inUseBy?: DeviceUser | undefined;
  /** The library that it needs, where installing that would help. */
  install?: string | undefined;
  /** The library that it runs with, where that can be removed. */
  library?: { name: string; version: string } | undefined;
}

/** A host that the person has named for trainings over ssh: `devices --on HOST`, `devices --hosts`. */
export interface HostRecord {
  /** As ssh knows it. */
  name: string;
  /** When it was last asked; ISO 8601, UTC. */
  asked: string;
  /** Why nothing could be trained there then, and what to do. */
  problems: Complaint[];
  /** What it answered last; absent where it never has. */
  found?: HostFacts | undefined;
}

export interface HostFacts {
  /** When; ISO 8601, UTC. */
  time: string;
  /** The interpreter that was asked, by its name or path there. */
  python: string;
  /** PyTorch's version; absent where the interpreter has none. */
  torch?: string | undefined;
  gpus: { name: string; bytes: number }[];
  cores?: number | undefined;
  /** Of the disk that has its home folder. */
  freeBytes?: number | undefined;
}

/** A model on this machine: `models`. */
export interface ModelRecord {
  /** What an experiment may name it by: `org/name` or `org/name/FILE.gguf`, with `@COMMIT` for one that main does not mean; a package's name; a folder's path. */
  id: string;
  source: 'cache' | 'package' | 'folder';
  /** Absolute: a folder, or a file. */
  path: string;
  /** Of the cache: its commit, and the branches and tags that mean it. */
  commit?: string | undefined;
  revisions?: string[] | undefined;
  family?: string | undefined;
  parameters?: number | undefined;
  /** Tokens of the longest text that it reads. */
  maxPositions?: number | undefined;
  /** Of its files. */
  bytes: number;
  /** As its model card has it. */
  licence?: string | undefined;
  /** What it can be the frozen teacher of, as it lies. */
  tasks: Task[];
  /** What it can be fine-tuned for, or be the start of a student for: it gets a new head. */
  startsFor: Task[];
  /** Whether a tokenizer lies with it, which student and teacher could share. */
  hasTokenizer: boolean;
  /** Why it can be neither. */
  problem?: Complaint | undefined;
}

/** `models --fetch ID --plan`: what would be fetched. */
export interface PlannedModel {
  id: string;
  /** The GGUF file that was named. */
  file?: string | undefined;
  revision: string;
  commit: string;
  host: string;
  licence?: string | undefined;
  files: { path: string; bytes: number }[];
  bytes: number;
  /** Where it would go: the Hugging Face cache. */
  cache: string;
  /** Bytes that are not there yet. */
  missing: number;
}

/** `models --fetch ID` */
export interface FetchedModel extends Omit<PlannedModel, 'cache' | 'missing'> {
  /** The snapshot's folder, or the file in it that was named. */
  path: string;
  /** Bytes that were fetched, those of an earlier attempt among them; 0 where all of it was there. */
  fetched: number;
}

/** What an installation with `--json` says on standard error, one a line. */
export type InstallProgress =
  { phase: 'downloading' | 'checking' | 'unpacking'; bytes: number; of: number } | { note: string };

/** The document of `devices --install` and `devices --remove`, and of the same for `models`. */
export interface LibraryRecord {
  library: string;
  /** Absent where it is not installed (any more). */
  version?: string;
  /** It was there already: nothing was fetched. */
  isThere?: true;
  folder?: string;
}
