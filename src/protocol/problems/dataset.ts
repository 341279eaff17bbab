/** @file What can be wrong with a dataset: its files, its columns, its rows and their labels. */

import type { Entry } from './templates';

export const datasetProblems = {
  'dataset-file-missing': {
    message: 'There is no file {name:json}.',
    remedy: ['Did you mean {close:json}?', 'Correct the path; it is relative to the experiment file.'],
  },
  'pattern-too-wide': {
    message: 'The files of this pattern were not found within {seconds} s.',
    remedy: 'Name a folder that is closer to them.',
  },
  'pattern-too-many': {
    message: 'This pattern finds {found} files. A dataset may have {most} at most.',
    remedy: 'Name a folder that is closer to them, or join them.',
  },
  'dataset-file-gone': { message: 'This file does not exist.', remedy: 'Correct its name in the experiment.' },
  'dataset-is-folder': { message: 'This is a folder.', remedy: 'Name the files in it.' },
  'dataset-not-permitted': { message: 'This file may not be read.', remedy: 'Change its permissions.' },
  'dataset-of-unknown-kind': {
    message: ['Distillery does not read {kind} files.', 'Distillery does not read files without an extension.'],
    remedy: 'Use a .jsonl, .csv, .tsv, .parquet or .txt file.',
  },
  'dataset-without-columns': {
    message: 'A text file has no columns.',
    remedy: 'Use a .jsonl, .csv, .tsv or .parquet file for labels or prompts.',
  },
  'dataset-utf16': { message: 'This file is UTF-16.', remedy: 'Save it as UTF-8.' },
  'dataset-empty': {
    message: 'The dataset has no rows that can be used.',
    remedy: 'Add rows to the file or name another one.',
  },
  'dataset-shared-file': {
    message: 'A file of "{split}" is trained on too, so it cannot tell how good the student is.',
    remedy: 'Name a file with other rows.',
  },
  'holds-out-none': {
    message: 'Of {rows} training rows, the fraction {fraction} holds out none.',
    remedy: 'Name a validation file, or another fraction.',
  },
  'holds-out-all': {
    message: 'Of {rows} training rows, the fraction {fraction} holds out all.',
    remedy: 'Name a validation file, or another fraction.',
  },
  'column-missing': {
    message: '{column:json} is not a column of {file}.',
    remedy: ['Did you mean {close:json}?', 'Set "{key}" to one of {columns:list}.'],
  },
  'column-in-no-row': {
    message: 'No row has a column {column:json}.',
    remedy: 'Name the columns of this file in the experiment\'s "dataset".',
  },
  'column-not-in-row': { message: 'This row has no {column:json}.', remedy: 'Correct the row or remove it.' },
  'column-not-a-string': {
    message: '{column:json} is not a string in this row.',
    remedy: 'Correct the row or remove it.',
  },
  'rows-unreported': {
    message: '{rows} more rows of this file cannot be used.',
    remedy: 'Correct the rows above first.',
  },
  'dataset-read-in-part': {
    message: 'Of {file} only the first {megabytes} MB were checked.',
    remedy: 'The run reads and checks all of it.',
  },
  'row-too-long': {
    message: 'This row is longer than {megabytes} MB and is left out.',
    remedy: 'Divide it, or put an end to the line or the quote that is missing one.',
  },
  'row-not-utf8': {
    message: 'This text is not valid UTF-8; unreadable bytes stand as U+FFFD.',
    remedy: 'Save the file as UTF-8.',
  },
  'row-not-json': { message: 'This row is not valid JSON.', remedy: 'Write one JSON object on each line.' },
  'row-not-object': { message: 'This row is not a JSON object.', remedy: 'Write one JSON object on each line.' },
  'parquet-damaged': {
    message: [
      'This Parquet file cannot be read from row {row} on: {reason}.',
      'This is no whole Parquet file: {reason}.',
    ],
    remedy: 'Copy or download it again, or write it again from its source.',
  },
  'parquet-encrypted': {
    message: 'This Parquet file is encrypted.',
    remedy: 'Write it again without encryption.',
  },
  'parquet-claims-rows': {
    message: 'This Parquet file says that it has {rows} rows in {bytes} bytes.',
    remedy: 'Write it again from its source; a file whose rows are all the same teaches nothing.',
  },
  'parquet-footer-long': {
    message: 'The footer of this Parquet file is longer than {megabytes} MB.',
    remedy: 'Write it again with larger groups of rows ("row_group_size" of pyarrow), or divide it.',
  },
  'parquet-page-large': {
    message: 'A page of {column:json} is too large: all that is read together would take {megabytes} MB.',
    remedy: 'Write the file again with pages of less than {most} MB ("data_page_size" of pyarrow; 1 MB is usual).',
  },
  'parquet-not-read': {
    message: '{column:json} is stored as {kind}, which is not read.',
    remedy: 'Write the file again with another compression or encoding, such as "snappy" or "zstd" of pyarrow.',
  },
  'parquet-label-unnamed': {
    message: 'The label {number} of this row is none of the {names} classes that the file names.',
    remedy: 'Correct the row or remove it.',
  },
  'csv-quote-open': {
    message: 'A quote that opens here or below is not closed before the end of the file.',
    remedy: 'Close it, and write a quote within a quoted field twice.',
  },
  'csv-other-fields': {
    message: 'This row has more or fewer fields than the header.',
    remedy: 'Put a field with a delimiter in quotes, or remove the row.',
  },
  'csv-malformed': { message: 'This row is malformed: {reason}.', remedy: 'Correct or remove the row.' },
  'column-not-words': {
    message: '{column:json} is no list of words in this row.',
    remedy:
      'Write a list, such as ["EU", "rejects"] in JSON, or the words with spaces between them; or remove the row.',
  },
  'words-empty': { message: 'This row has no words.', remedy: 'Remove it.' },
  'words-without-tags': {
    message: 'This row has {words} words and {tags} tags.',
    remedy: 'Give each word one tag, or remove the row.',
  },
  'words-cut': {
    message: 'Of {rows} rows, {words} words beyond {maxLength} tokens are not read and not counted: this is the first.',
    remedy: 'Divide these rows, or raise "maxLength".',
  },
  'label-is-list': {
    message: '{column:json} is a list in this row, where one class is expected.',
    remedy: 'Set "labels" of the experiment\'s "dataset" to "multiple", or correct the row.',
  },
  'label-not-names': {
    message: '{column:json} holds something else than names of labels in this row.',
    remedy: 'Write a list of names, or the names in one text with the separator between them; [] where none applies.',
  },
  'label-not-number': {
    message: '{column:json} is no number in this row: {value}.',
    remedy: 'Write a number, or nothing for a row without a label.',
  },
  'labels-of-one-number': {
    message: 'All training rows have the label {value}, so there is nothing to learn.',
    remedy: 'Add rows with other numbers, or choose another "labelColumn".',
  },
  'label-missing': { message: 'This row has no label.', remedy: 'Give it one or remove the row.' },
  'label-unknown': {
    message: 'The label {label:json} does not occur in the training data.',
    remedy: 'Use one of {labels:list}.',
  },
  'label-not-trained': {
    message: 'No training row has the label {label:json}.',
    remedy: [
      'Did you mean {close:json}? Otherwise train on rows with this label.',
      'Correct it, or train on rows with this label.',
    ],
  },
  'label-alone': {
    message: 'All training rows have the label {label:json}, so there is nothing to tell apart.',
    remedy: 'Add rows of another class, or choose another "labelColumn".',
  },
  'labels-missing': {
    message: 'No training row has a label, so the student loss and the control would have nothing to learn from.',
    remedy: 'Label some rows, or choose another "labelColumn".',
  },
  'rows-untagged': {
    message: '{unlabelled} of {rows} rows have words without tags, and are left out.',
    remedy: 'Tag their words, or remove them.',
  },
  'rows-unlabelled': {
    message:
      "{unlabelled} of {rows} rows have no label: the student learns the teacher's soft labels on them, and the student loss and the control leave them out.",
    remedy: 'Label them, or let the teacher judge them as it is.',
  },
  'rows-not-measured': {
    message: '{unlabelled} of {rows} rows have no label, so nothing can be measured on them: they are left out.',
    remedy: 'Label or remove them.',
  },
  'text-empty': {
    message: 'This text is empty or has no tokens, so the row is skipped.',
    remedy: 'Fill it in or remove the row.',
  },
  'prompt-too-long': {
    message: 'The prompt alone has {maxLength} tokens or more, so nothing of the completion would count.',
    remedy: 'Shorten the prompt or raise dataset.maxLength.',
  },
  'chat-template-refuses': {
    message: 'The chat template refuses this prompt and answer: {reason}',
    remedy: 'Change or remove the row, or use another template.',
  },
  'chat-template-without-prompt': {
    message:
      'What the chat template writes of prompt and completion does not begin with what it writes of the prompt alone, so that nobody can say where the answer begins.',
    remedy:
      'Change the template, or leave "chatTemplate" out and write the texts into the rows as the model reads them.',
  },
  'rows-unusable': {
    message: 'No {split} row can be used.',
    remedy: "See the warnings above about the rows of {experiment}'s dataset.",
  },
  'row-of-another-file': {
    message: 'This file is not part of the run.',
    remedy: 'Choose a row of a file that the run has read.',
  },
  'row-not-on-line': {
    message: 'There is no row on line {line}.',
    remedy: 'The file may have changed since the run.',
  },
  'row-out-of-range': {
    message: 'There is no row {row}: the file has {rows}.',
    remedy: 'Give a row from 1 to {rows}.',
  },
} as const satisfies Record<string, Entry>;
