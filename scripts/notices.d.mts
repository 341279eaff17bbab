/** A package that is shipped. */
export interface Shipped {
  name: string;
  version: string;
  license: string;
  texts: string[];
}
export interface Component {
  'bom-ref': string;
  name: string;
  version: string;
  hashes?: { alg: string; content: string }[];
  licenses?: unknown[];
}
export function shippedPackages(): Promise<Shipped[]>;
export function noticesText(packages: readonly Shipped[]): string;
export function billOfMaterials(
  packages: readonly Shipped[],
  libraries?: readonly { name: string; version: string }[],
): { bomFormat: string; components: Component[]; dependencies: { ref: string; dependsOn: string[] }[] };
