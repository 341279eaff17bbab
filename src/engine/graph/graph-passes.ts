/** @file What is made of a recorded graph's nodes when the recording ends: fewer nodes that compute the same. */

import { sameShape, type Node, type Value } from './graph';

export function withoutUnused(nodes: readonly Node[], outputs: readonly string[]): Node[] {
  const needed = new Set(outputs);
  const kept: Node[] = [];
  for (const node of [...nodes].reverse()) {
    if (!node.outputs.some((output) => needed.has(output.name))) continue;
    node.inputs.forEach((input) => needed.add(input));
    kept.push(node);
  }
  return kept.reverse();
}

/**
 * The Identity nodes that `finish` appends give outputs their names. Where the value comes from a node, that node's own output
 * takes the name, wherever it is used, and the Identity, a copy of the whole tensor, falls away.
 */
export function nameOutputs(nodes: readonly Node[]): Node[] {
  const produced = new Set(
    nodes.flatMap((node) => (node.op === 'Identity' ? [] : node.outputs.map(({ name }) => name))),
  );
  const renamed = new Map<string, string>();
  const kept = nodes.filter((node) => {
    const [source] = node.inputs;
    if (node.op !== 'Identity' || source === undefined || !produced.has(source) || renamed.has(source)) return true;
    renamed.set(source, node.outputs[0]!.name);
    return false;
  });
  const nameOf = (name: string): string => renamed.get(name) ?? name;
  return kept.map((node) => ({
    ...node,
    inputs: node.inputs.map(nameOf),
    outputs: node.outputs.map((output) => ({ ...output, name: nameOf(output.name) })),
  }));
}

function useCounts(nodes: readonly Node[]): Map<string, number> {
  const uses = new Map<string, number>();
  for (const { inputs } of nodes) for (const input of inputs) uses.set(input, (uses.get(input) ?? 0) + 1);
  return uses;
}

function shapesOf(nodes: readonly Node[]): Map<string, readonly number[]> {
  return new Map(nodes.flatMap(({ outputs }) => outputs.map(({ name, shape }) => [name, shape] as const)));
}

/**
 * a + f, where f is a node that could as well start from a and that nothing else needs, as that node starting from a.
 * @param canStart whether a node could
 * @param inputsFrom its inputs, when it starts from the value of that name
 */
function startFromSums(
  nodes: readonly Node[],
  canStart: (node: Node) => boolean,
  inputsFrom: (node: Node, start: string) => string[],
): Node[] {
  const uses = useCounts(nodes);
  const shapes = shapesOf(nodes);
  const starters = new Map<string, Node>();
  for (const node of nodes) {
    const { name } = node.outputs[0]!;
    if (uses.get(name) === 1 && canStart(node)) starters.set(name, node);
  }
  const absorbed = new Set<Node>();
  const summed = nodes.map((node) => {
    if (node.op !== 'Add') return node;
    const [left, right] = node.inputs as [string, string];
    const [starter, start] = starters.has(right) ? [starters.get(right)!, left] : [starters.get(left), right];
    const { shape } = node.outputs[0]!;
    // Only a start of the full shape: what is smaller would be broadcast.
    if (!starter || left === right || !sameShape(shapes.get(start) ?? [], shape)) return node;
    absorbed.add(starter);
    return { ...starter, inputs: inputsFrom(starter, start), outputs: node.outputs };
  });
  return summed.filter((node) => !absorbed.has(node));
}

/**
 * a + (zeros to which rows are added) as a to which rows are added: no zeros are written. The gradient of a table that is
 * both looked up and multiplied with is such a sum.
 */
export function scatterIntoSums(nodes: readonly Node[], zeros: ReadonlySet<string>): Node[] {
  const zero = new Set(
    nodes.flatMap(({ op, inputs, outputs }) => (op === 'Expand' && zeros.has(inputs[0]!) ? [outputs[0]!.name] : [])),
  );
  return startFromSums(
    nodes,
    ({ op, inputs }) => op === 'ScatterElements' && zero.has(inputs[0]!),
    ({ inputs }, start) => [start, ...inputs.slice(1)],
  );
}

/**
 * a + x · y as one product that starts from a, where nothing else needs x · y. Sums of many products, as a gradient that is made in
 * chunks, then grow in place one after the other instead of all existing before they are added. A bias is left to Affine.
 */
export function addIntoProducts(nodes: readonly Node[]): Node[] {
  return startFromSums(
    nodes,
    ({ op, inputs }) => op === 'Gemm' && inputs.length === 2,
    ({ inputs }, start) => [...inputs, start],
  );
}

/** Rows that are added to the rows of a table that their indices name. */
export interface ScatteredRows {
  /** [V, D]; its name. */
  readonly table: string;
  /** [N, 1] */
  readonly indices: Value;
  /** [N, D] */
  readonly rows: Value;
}

/** Additions of rows to a table that is itself such a sum, and used for nothing else, by the later of the two nodes. No node is in two pairs. */
export function scatterPairs(
  nodes: readonly Node[],
  values: ReadonlyMap<string, Value>,
): Map<Node, readonly [ScatteredRows, ScatteredRows]> {
  const uses = useCounts(nodes);
  const repeated = new Map<string, string>();
  const sums = new Map<string, ScatteredRows>();
  const pairs = new Map<Node, readonly [ScatteredRows, ScatteredRows]>();
  for (const node of nodes) {
    const [table, elements, rows] = node.inputs as [string, string, string];
    const { name } = node.outputs[0]!;
    if (node.op === 'Expand') repeated.set(name, table);
    const indices = repeated.get(elements);
    if (node.op !== 'ScatterElements' || node.attributes.reduction !== 'add' || indices === undefined) continue;
    const scattered = { table, indices: values.get(indices)!, rows: values.get(rows)! };
    const first = uses.get(table) === 1 ? sums.get(table) : undefined;
    if (first) pairs.set(node, [first, scattered]);
    else sums.set(name, scattered);
  }
  return pairs;
}
