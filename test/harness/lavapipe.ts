/**
 * @file Mesa's lavapipe: a GPU that the processor imitates and that, unlike Chromium's SwiftShader, computes in 16-bit floats. WebGPU
 * needs release 25 or newer. Debian 12 has that only among its backports, so there it is unpacked into .cache, beside the system.
 */

import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { canInstallPackages, installPackages } from './packages';

const PACKAGE = 'mesa-vulkan-drivers';
const SYSTEM_DRIVERS = '/usr/share/vulkan/icd.d';
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** The driver's description for the Vulkan loader, installed where that needs nobody's leave; undefined where there is none. */
export function ensureLavapipe(root: string): string | undefined {
  const unpacked = path.join(root, '.cache/lavapipe');
  const find = (): string | undefined => [...drivers(unpacked), ...drivers(SYSTEM_DRIVERS)].find(isNewEnough);
  const known = find();
  if (known !== undefined || !canInstallPackages()) return known;
  try {
    if (/^VERSION_CODENAME=bookworm$/m.test(readFileSync('/etc/os-release', 'utf8'))) unpackBackport(unpacked);
    else installPackages([PACKAGE], 'The tests in 16-bit floats');
  } catch (error) {
    console.log(`lavapipe cannot be had: ${error instanceof Error ? error.message : String(error)}`);
  }
  return find();
}

function drivers(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const names = readdirSync(folder).filter((name) => /^lvp_icd.*\.json$/.test(name));
  return names.map((name) => path.join(folder, name));
}

interface DriverDescription {
  ICD: { api_version: string; library_path: string };
}

const describe = (driver: string): DriverDescription => JSON.parse(readFileSync(driver, 'utf8')) as DriverDescription;

/** Releases from 25 on name Vulkan 1.4. */
function isNewEnough(driver: string): boolean {
  const [major, minor] = describe(driver).ICD.api_version.split('.').map(Number) as [number, number];
  return major > 1 || minor >= 4;
}

function unpackBackport(target: string): void {
  console.log(`Unpacking ${PACKAGE} of Debian's backports into ${target} (once) …`);
  mkdirSync(path.dirname(target), { recursive: true });
  const folder = mkdtempSync(`${target}-`);
  try {
    const apt = aptFor(folder, 'bookworm-backports');
    apt('update');
    apt('download', PACKAGE);
    const archive = readdirSync(folder).find((name) => name.startsWith(PACKAGE))!;
    execFileSync('dpkg', ['-x', path.join(folder, archive), folder]);
    const { ICD, ...rest } = describe(drivers(path.join(folder, SYSTEM_DRIVERS))[0]!);
    const library_path = path.join(target, 'usr/lib', library(path.join(folder, 'usr/lib')));
    writeFileSync(path.join(folder, 'lvp_icd.json'), JSON.stringify({ ...rest, ICD: { ...ICD, library_path } }));
    renameSync(folder, target);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const library = (folder: string): string =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' }).find((name) => name.endsWith('/libvulkan_lvp.so'))!;

/** apt with one release of the mirror that the machine has, and with lists of its own. */
function aptFor(folder: string, release: string): (...args: string[]) => void {
  const targets = ['indextargets', '--format', '$(SITE) $(RELEASE)', 'Created-By: Packages'];
  const known = execFileSync('apt-get', targets, { encoding: 'utf8' }).split('\n');
  const site = known.map((line) => line.split(' ')).find(([, name]) => name === 'bookworm')?.[0];
  if (site === undefined) throw new Error('apt knows no mirror of Debian 12');
  const lines = ['Types: deb', `URIs: ${site}`, `Suites: ${release}`, 'Components: main', `Signed-By: ${KEYRING}`];
  const sources = path.join(folder, 'debian.sources');
  writeFileSync(sources, lines.join('\n') + '\n');
  for (const name of ['lists/partial', 'cache/archives/partial'])
    mkdirSync(path.join(folder, name), { recursive: true });
  const options = Object.entries({
    'Dir::Etc::sourcelist': sources,
    'Dir::Etc::sourceparts': '/dev/null',
    'Dir::State::lists': path.join(folder, 'lists'),
    'Dir::Cache': path.join(folder, 'cache'),
    'APT::Sandbox::User': 'root',
  }).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  return (...args) => execFileSync('apt-get', ['-qq', ...options, ...args], { cwd: folder, stdio: 'ignore' });
}
