/** @file Why a run cannot be found, carried out or gone on with, or its models not be asked. */

import type { Entry } from './templates';

export const runProblems = {
  'run-missing': {
    message: 'There is no such run.',
    remedy: ['Name a folder of {folder}, for example {latest}.', 'Start one with {run:quoted}.'],
    actions: { run: null },
  },
  'runs-not-writable': {
    message: 'Runs cannot be written here ({reason}).',
    remedy: 'Change the permissions of this folder, make room on its disk, or move the experiment.',
  },
  'run-died': {
    message: 'The process that ran it ended without saying why: it was killed, or the machine went down.',
    remedy: 'Resume it from its last checkpoint with {resume:quoted}.',
    actions: { resume: '{run}' },
  },
  'run-folder-gone': {
    message: 'The folder of this run is gone: it was deleted or moved while the run was at work.',
    remedy: 'Run the experiment again, or put the folder back and resume it.',
  },
  'run-at-work': { message: 'This run is at work.', remedy: 'Stop it first.' },
  'run-still-going': { message: 'This run is still going on.', remedy: 'Wait for it, or stop it first.' },
  'run-held-elsewhere': {
    message:
      'This run is held by process {pid} on {host}, which cannot be seen from here: it works in another container or on another machine, or has ended there.',
    remedy: 'Stop it there, or, if you know that it has ended, go on with {takeOver:quoted}.',
    actions: { takeOver: '{run}' },
  },
  'run-host-unknown': {
    message: 'This run says that it was trained on {host}, a host that you have not named on this machine yet.',
    remedy:
      'If that host is yours, go on there with --on {host}: what the run learns from is sent to it. To go on here, name an engine with --engine.',
  },
  'run-name-taken': {
    message: 'There is a run of this name again.',
    remedy: 'Rename one of the two folders.',
  },
  'teacher-of-run-is-ensemble': {
    message: 'The teacher of this run is an ensemble, which is no single model.',
    remedy: 'Name its members, or the student of the run.',
  },
  'run-record-damaged': {
    message: 'This is not the record of an experiment, or it is damaged.',
    remedy: 'Run the experiment file again.',
  },
  'run-file-damaged': {
    message: 'This is not as the run wrote it: it was changed, or the disk is failing.',
    remedy: 'Restore it from a copy, or delete it: all else of the run can be looked at without it.',
  },
  'run-summary-damaged': {
    message: 'The comparison in the record of this run is damaged: it was changed, or the disk is failing.',
    remedy: 'Let it be made anew with {resume:quoted}; nothing is trained again.',
    actions: { resume: '{run}' },
  },
  'kept-tokens-damaged': {
    message: 'This is no list of token ids: the file is damaged.',
    remedy: 'Restore it from a copy, or run the experiment again.',
  },
  'checkpoint-damaged': {
    message: 'This file is not as it was written, and no older checkpoint is whole: the disk may be failing.',
    remedy: 'Restore it from a copy, or run the experiment again.',
  },
  'run-without-comparison': {
    message: 'This run has no comparison yet: it is {status}.',
    remedy: 'Finish it with {resume:quoted}.',
    actions: { resume: '{run}' },
  },
  'run-not-compared-yet': {
    message: 'This run has no comparison yet: it is {status}.',
    remedy: 'Wait for its end.',
  },
  'run-without-model': { message: 'This run has no model yet.', remedy: 'Wait for its first checkpoint.' },
  'export-without-model': {
    message: 'This run has no finished model yet: it is written at the end.',
    remedy: 'Wait for its end, or go on with {resume:quoted}.',
    actions: { resume: '{run}' },
  },
  'export-exists': {
    message: 'There is something of this name already, and nothing is written over it.',
    remedy: 'Name a folder that does not exist yet.',
  },
  'export-gguf-family': {
    message: 'llama.cpp knows no model of the family "{family}".',
    remedy: 'Export in the format "huggingface"; known are: {known:names}.',
  },
  'export-gguf-head': {
    message: 'A GGUF file holds a language model, and this one has the head "{head}".',
    remedy: 'Export in the format "huggingface".',
  },
  'export-gguf-setting': {
    message: "With this model's {setting}, llama.cpp would compute something else: its {architecture} has another.",
    remedy: 'Export in the format "huggingface".',
  },
  'export-gguf-tokenizer': {
    message: 'llama.cpp has no such tokenizer: {why}.',
    remedy: 'Export in the format "huggingface".',
  },
  'export-values-unknown': {
    message: 'The format "{format}" stores no weights as "{values}".',
    remedy: ['Use one of: {known:names}.', 'Leave it out.'],
  },
  'export-torchrun-untrained': {
    message: 'Its teacher is not trained yet.',
    remedy: 'Run the experiment here until its teacher is, and export the run.',
  },
  'export-torchrun-served': {
    message: 'Its teacher is behind a server, which is asked from here.',
    remedy: 'Train with the engine "torchrun" here, on a host or as a job of Slurm: the answers go along.',
  },
  'control-missing': {
    message: 'The run has no control {control}.',
    remedy: 'See its folder "controls" for their names.',
  },
  'seed-missing': {
    message: 'The run has no further seed {seed}.',
    remedy: 'See its folder "seeds"; the first seed is the run itself.',
  },
  'input-gone': { message: 'This file is gone.', remedy: 'Restore it, or start a new run of the experiment.' },
  'input-changed': {
    message: 'This file has changed since the run began.',
    remedy: 'Restore it, or start a new run of the experiment.',
  },
  'training-diverged': {
    message: [
      '{tensor} ({place}) is not a finite number at step {step}: {value}.',
      '{tensor} is not a finite number at step {step}: {value}.',
    ],
    remedy:
      'Lower the learning rate, lengthen the warm-up, or set clipNorm to 1 or less, and run again; in bfloat16 try the precision "float32".',
    actions: { open: '{experiment}' },
  },
  'weights-not-finite': {
    message: [
      '{tensor} ({place}) is not a finite number at step {step}, before anything was learnt: {value}.',
      '{tensor} is not a finite number at step {step}, before anything was learnt: {value}.',
    ],
    remedy:
      'Look at the weights that the model starts with, which may hold NaN or be too large: copy or download them again; in bfloat16 try the precision "float32".',
  },
  'numbers-not-finite': {
    message: ['{tensor} ({place}) is not a finite number: {value}.', '{tensor} is not a finite number: {value}.'],
    remedy:
      'Look at the model\'s weights, which may hold NaN or be too large; in bfloat16 try the precision "float32", on another engine "cpu".',
  },
  'memory-too-small': {
    message: 'The training would take {needed:gigabytes} of memory, and the machine has {available:gigabytes}.',
    remedy: 'Lower training.batchSize or dataset.maxLength, or choose a smaller student.',
  },
  'tokenizer-not-named': {
    message: 'The teacher is trained here, so it has no tokenizer yet.',
    remedy: 'Give tokenizer a source "train" or "path".',
  },
  'ids-of-two-tokenizers': {
    message: 'Teacher and student read texts by tokenizers of their own, and ids are those of one of them.',
    remedy: 'Give a text.',
  },
  'target-without-tokenizer': {
    message: 'This folder has no tokenizer.json.',
    remedy: ['Add one, or give token ids with {option}.', 'Add one.'],
  },
  'completion-without-tokenizer': {
    message: 'This folder has no tokenizer.json.',
    remedy: 'Add the tokenizer it was trained with.',
  },
  'task-without-completion': {
    message: 'A {task} model does not continue texts.',
    remedy: 'Use "inspect", or a causal-lm run.',
  },
  'prompt-empty': { message: 'The prompt is empty.', remedy: 'Give at least one word.' },
  'nothing-to-inspect': { message: 'There is nothing to inspect.', remedy: 'Give --text, or --file with --row.' },
  'owned-link': {
    message:
      'This is a link. What Distillery keeps lies in folders and files of its own, for a link may lead anywhere.',
    remedy: 'Remove the link, and put what it leads to in its place.',
  },
  'owned-no-file': {
    message: 'This is neither a file nor a folder. What Distillery keeps lies in these alone.',
    remedy: 'Remove it.',
  },
  'owned-mount': {
    message: 'Another file system is mounted here.',
    remedy: 'Unmount it, then remove the folder again.',
  },
  'cache-missing': {
    message: 'No cache in {folder} begins so.',
    remedy: 'List them with {cache:quoted}.',
    actions: { cache: null },
  },
  'disk-full': {
    message: ['{path} cannot be written: the disk is full.', 'The disk is full.'],
    remedy: 'Make room on it and go on: what was written before is whole.',
  },
  'disk-failing': {
    message: ['{path} cannot be read or written ({reason}).', 'A file cannot be read or written ({reason}).'],
    remedy: 'Look at the disk and its connection, which may be failing, and keep a copy of what matters elsewhere.',
  },
  'file-forbidden': {
    message: ['{path} may not be opened or changed ({reason}).', 'A file may not be opened or changed ({reason}).'],
    remedy: 'Change the permissions of it and of its folder, or who runs this program.',
  },
  'files-too-many': {
    message: ['{path} cannot be opened: too many files are open.', 'Too many files are open.'],
    remedy: 'Close other programs, or raise the limit (ulimit -n).',
  },
  'command-line-wrong': { message: '{reason}' },
  /** What nobody has foreseen: an error of a library or of this program, in its own words. */
  unexpected: { message: '{reason}' },
} as const satisfies Record<string, Entry>;
