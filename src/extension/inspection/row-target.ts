/** @file A row of an inspected document as a place in the Lab. */

import type { LabTarget } from '../../protocol/panel';
import type { Inspection } from './inspection';
import { datasetPlace } from './rows-document';
import type { DocumentRow } from './rows/row';

export function rowTarget({ document, subject }: Inspection, row: DocumentRow): LabTarget {
  const { file, line } = datasetPlace(document.uri, row.firstLine);
  return { run: subject.run.paths.id, tab: 'tokens', row: { file, line }, temperature: subject.temperature };
}
