/** @file What a journey has begun is ended after it; what was begun before all of a file's journeys, after all of them. */

type Ending = () => Promise<void> | void;

const ofFile: Ending[] = [];
let ofTest: Ending[] | undefined;

/** Carries `ending` out after the test that is running, or after all of the file where none is: last comes first. */
export function atEnd(ending: Ending): void {
  (ofTest ?? ofFile).push(ending);
}

export function beginTest(): void {
  ofTest = [];
}

export async function endTest(): Promise<void> {
  const endings = ofTest!;
  ofTest = undefined;
  await carryOut(endings);
}

export const endFile = (): Promise<void> => carryOut(ofFile);

/** All of them, also after one that fails. */
async function carryOut(endings: Ending[]): Promise<void> {
  const failures: unknown[] = [];
  for (let ending = endings.pop(); ending; ending = endings.pop()) {
    try {
      await ending();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}
