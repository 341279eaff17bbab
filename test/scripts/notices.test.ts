/** @file What a package tells of the software of others that is in it. */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { billOfMaterials, noticesText, shippedPackages } from '../../scripts/notices.mjs';

describe('the notices of a package', async () => {
  const packages = await shippedPackages();
  const names = packages.map(({ name }) => name);
  const text = noticesText(packages);

  it('name what is bundled and what has native code, each with its version, and the text of its licence', () => {
    expect(names).toEqual(
      expect.arrayContaining(['zod', 'yauzl', '@tensorflow/tfjs-core', 'koffi', 'onnxruntime-node']),
    );
    expect(names).not.toContain('vitest');
    for (const { name, version, license, texts } of packages) {
      expect(text).toContain(`  ${name} ${version} (${license})\n`);
      for (const one of texts) expect(one.length, name).toBeGreaterThan(200);
    }
  });

  it("hold onnxruntime's own notices, of the version that is shipped", () => {
    // Of what is compiled into it, which its npm package does not name.
    for (const part of ['protobuf', 'Eigen', 'onnx/onnx', 'abseil']) expect(text).toContain(part);
  });

  it('have a bill of materials with the same packages, each with its hash and its licence', () => {
    const bill = billOfMaterials(packages, [{ name: 'openvino', version: '1.2.3' }]);
    expect(bill.bomFormat).toBe('CycloneDX');
    const listed = bill.components.map(({ name, version }) => `${name}@${version}`);
    expect(listed.sort()).toEqual(
      [...packages.map(({ name, version }) => `${name}@${version}`), 'openvino@1.2.3'].sort(),
    );
    const zod = bill.components.find(({ name }) => name === 'zod')!;
    expect(zod.hashes![0]!.alg).toBe('SHA-512');
    expect(zod.licenses).toBeDefined();
    const known = new Set(bill.components.map((one) => one['bom-ref']));
    for (const { dependsOn } of bill.dependencies) for (const ref of dependsOn) expect(known).toContain(ref);
  });
});

it('the manifest of this project pins every package that is shipped, through the lock file', async () => {
  const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
    packages: Record<string, { version?: string; integrity?: string }>;
  };
  const pinned = Object.entries(lock.packages).map(
    ([folder, { version }]) => `${folder.split('node_modules/').at(-1)}@${version}`,
  );
  expect(pinned).toEqual(
    expect.arrayContaining((await shippedPackages()).map(({ name, version }) => `${name}@${version}`)),
  );
});
