/** @file Named entities in the tags of a text's words, as seqeval's default mode and CoNLL-2000's conlleval find them. */

/** `B-PER`, `I-PER`, `E-PER`, `S-PER` or `O`; without a type it is that of the only one. */
const entityTag = /^(?:O|[BIES](?:-.*)?)$/;

/** Whether all are tags of entities, and one at least says more than that there is none. */
export function areEntityTags(tags: readonly string[]): boolean {
  return tags.some((tag) => tag !== 'O') && tags.every((tag) => entityTag.test(tag));
}

/** Words `start` … `end` of a text, both included, are an entity of that type. */
export interface Entity {
  type: string;
  start: number;
  end: number;
}

interface Place {
  /** O, B, I, E or S. */
  at: string;
  type: string;
}

const outside: Place = { at: 'O', type: 'O' };

function placeOf(tag: string): Place {
  const dash = tag.indexOf('-', 1);
  return { at: tag.charAt(0), type: (dash < 0 ? tag.slice(1) : tag.slice(dash + 1)) || '_' };
}

/** Whether an entity ends before a word. */
function ends(before: Place, here: Place): boolean {
  if (before.at === 'E' || before.at === 'S') return true;
  return before.at !== 'O' && ('BSO'.includes(here.at) || before.type !== here.type);
}

/** Whether one begins with it. A tag that should go on from another that is not there begins one. */
function begins(before: Place, here: Place): boolean {
  if (here.at === 'B' || here.at === 'S') return true;
  return here.at !== 'O' && ('ESO'.includes(before.at) || before.type !== here.type);
}

/** The entities of one text, in their order. @param tags of its words, of which all are `areEntityTags` */
export function entitiesIn(tags: readonly string[]): Entity[] {
  const found: Entity[] = [];
  let [before, start, isOpen] = [outside, 0, false];
  for (let i = 0; i <= tags.length; i++) {
    const here = i < tags.length ? placeOf(tags[i]!) : outside;
    if (isOpen && ends(before, here)) {
      found.push({ type: before.type, start, end: i - 1 });
      isOpen = false;
    }
    if (begins(before, here)) [start, isOpen] = [i, true];
    before = here;
  }
  return found;
}

/** Entities that are right: the same type at the same words; those that a model said, and those that there are. */
export interface EntityCounts {
  right: number;
  said: number;
  there: number;
}

/** Of one text. */
export function countEntities(said: readonly string[], there: readonly string[]): EntityCounts {
  const keyOf = ({ type, start, end }: Entity): string => `${start} ${end} ${type}`;
  const [own, hard] = [entitiesIn(said).map(keyOf), new Set(entitiesIn(there).map(keyOf))];
  return { right: own.filter((entity) => hard.has(entity)).length, said: own.length, there: hard.size };
}

export const noEntities = (): EntityCounts => ({ right: 0, said: 0, there: 0 });

/** Adds those of another text to a sum. */
export function addCounts(sum: EntityCounts, { right, said, there }: EntityCounts): void {
  sum.right += right;
  sum.said += said;
  sum.there += there;
}

/** F1 over all entities (micro): 2 right / (said + there); 0 where there are none of either, as seqeval has it. */
export const entityF1 = ({ right, said, there }: EntityCounts): number =>
  said + there === 0 ? 0 : (2 * right) / (said + there);
