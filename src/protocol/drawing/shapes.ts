/** @file Drawings as plain trees of SVG shapes: the page puts them on screen, a report writes them as files. */

import { inXml } from '../escapes';
import { imitationFacts, ofEachImitation } from '../imitation';
import type { Role } from '../records';

export interface Shape {
  tag: 'g' | 'line' | 'path' | 'rect' | 'circle' | 'text';
  attributes: Readonly<Record<string, string | number>>;
  children?: readonly Shape[];
  /** What a text says. */
  text?: string;
}

export interface Drawing {
  width: number;
  height: number;
  /** Read out in place of the picture. */
  label: string;
  shapes: readonly Shape[];
}

type Attributes = Shape['attributes'];

export const shape = (tag: Shape['tag'], attributes: Attributes, children?: readonly Shape[]): Shape =>
  children ? { tag, attributes, children } : { tag, attributes };

export const text = (x: number, y: number, words: string, attributes: Attributes = {}): Shape => ({
  tag: 'text',
  attributes: { x: round(x), y: round(y), fill: 'var(--muted)', ...attributes },
  text: words,
});

export const line = (
  x1: number,
  y1: number,
  x2: number,
  y2: number,
  stroke: string,
  attributes: Attributes = {},
): Shape => shape('line', { x1: round(x1), y1: round(y1), x2: round(x2), y2: round(y2), stroke, ...attributes });

/** A line of whole pixels. */
export const crisp: Attributes = { 'shape-rendering': 'crispEdges' };

/** Of a text that stands over lines. */
export const halo: Attributes = {
  'paint-order': 'stroke',
  stroke: 'var(--background)',
  'stroke-width': 3,
  'stroke-linejoin': 'round',
};

/** Of what is chosen. */
export const strong: Attributes = { fill: 'var(--foreground)', 'font-weight': 600 };

/** A path through points; where `y` is null or not a number the line is broken. */
export function polyline(points: Iterable<readonly [number, number | null]>): string {
  let path = '';
  let isDrawing = false;
  for (const [x, y] of points) {
    const exists = y !== null && Number.isFinite(y);
    if (exists) path += `${isDrawing ? 'L' : 'M'}${round(x)} ${round(y)}`;
    isDrawing = exists;
  }
  return path;
}

/** A role's mark: teacher square, student disc, control open diamond, hard label filled diamond. */
export function mark(role: Role | 'label', x: number, y: number, radius: number, open = false): Shape {
  const diamond = (r: number): string =>
    `M${round(x)} ${round(y - r)}L${round(x + r)} ${round(y)}L${round(x)} ${round(y + r)}L${round(x - r)} ${round(y)}Z`;
  const hollow = { fill: 'var(--background)', 'stroke-width': 1.4 };
  switch (role) {
    case 'teacher':
      return shape('rect', {
        x: round(x - radius),
        y: round(y - radius),
        width: 2 * radius,
        height: 2 * radius,
        fill: 'var(--teacher)',
      });
    case 'student':
      return shape('circle', {
        cx: round(x),
        cy: round(y),
        r: radius,
        fill: 'var(--student)',
        stroke: 'var(--student)',
        ...(open ? hollow : {}),
      });
    case 'control':
      return shape('path', { d: diamond(radius * 1.2), stroke: 'var(--control)', ...hollow });
    case 'label':
      return shape('path', { d: diamond(radius * 1.25), fill: 'var(--label)' });
  }
}

export const round = (value: number): number => Math.round(value * 100) / 100;

/** Colours of a file that stands alone, by the custom properties that the page has for them: on white, 4.5:1 or more. */
export const paperColours: Readonly<Record<string, string>> = {
  background: '#ffffff',
  foreground: '#1f2328',
  muted: '#59636e',
  grid: '#d8dee4',
  axis: '#8c959f',
  teacher: '#0969da',
  student: '#b35900',
  label: '#1a7f37',
  control: '#57606a',
  total: '#1f2328',
  soft: '#8250df',
  ownSoft: '#b35900',
  hard: '#1a7f37',
  ...ofEachImitation((name) => imitationFacts[name].colours.light),
  wrong: '#cf222e',
};

/** The same where the reader's system is dark: on the background 4.5:1 or more. */
export const darkPaperColours: Readonly<Record<string, string>> = {
  background: '#0d1117',
  foreground: '#e6edf3',
  muted: '#9198a1',
  grid: '#2a313c',
  axis: '#656c76',
  teacher: '#58a6ff',
  student: '#e3973d',
  label: '#56d364',
  control: '#b1bac4',
  total: '#e6edf3',
  soft: '#bc8cff',
  ownSoft: '#e3973d',
  hard: '#56d364',
  ...ofEachImitation((name) => imitationFacts[name].colours.dark),
  wrong: '#ff7b72',
};

/** A drawing under its title, with a margin around it. */
export function titled({ width, height, label, shapes }: Drawing, title: string, note: string): Drawing {
  const [side, above, below] = [8, 40, 10];
  return {
    width: width + 2 * side,
    height: height + above + below,
    label: `${title}. ${label}`,
    shapes: [...titleShapes(title, note), shape('g', { transform: `translate(${side} ${above})` }, shapes)],
  };
}

export const titleShapes = (title: string, note?: string): Shape[] => [
  text(8, 16, title, { fill: 'var(--foreground)', 'font-weight': 600, 'font-size': 12 }),
  ...(note === undefined ? [] : [text(8, 31, note)]),
];

/** What paints a colour's shapes otherwise in the dark. A viewer that reads no style sheets shows the light colours. */
function darkStyle(light: Readonly<Record<string, string>>, dark: Readonly<Record<string, string>>): string {
  const colours = new Map(Object.entries(light).map(([name, colour]) => [colour, dark[name] ?? colour]));
  const rules = [...colours].map(([from, to]) => `[fill="${from}"]{fill:${to}}[stroke="${from}"]{stroke:${to}}`);
  return `<style>@media (prefers-color-scheme:dark){${rules.join('')}}</style>`;
}

/** The drawing as an SVG file, without custom properties, so that every viewer shows it. @param dark its colours in the dark */
export function svgText(
  { width, height, label, shapes }: Drawing,
  colours = paperColours,
  dark?: Readonly<Record<string, string>>,
): string {
  const paint = (value: string | number): string =>
    String(value).replace(/var\(--([\w-]+)\)/g, (_, name: string) => colours[name] ?? colours.foreground ?? 'black');
  const write = ({ tag, attributes, children, text: words }: Shape): string => {
    const written = Object.entries(attributes).map(([name, value]) => ` ${name}="${inXml(paint(value))}"`);
    const content = words === undefined ? (children ?? []).map(write).join('') : inXml(words);
    return `<${tag}${written.join('')}${content === '' ? '/>' : `>${content}</${tag}>`}`;
  };
  const font = 'font-family="system-ui, -apple-system, Segoe UI, sans-serif" font-size="11"';
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="${inXml(label)}" ${font}>
<title>${inXml(label)}</title>${dark ? `\n${darkStyle(colours, dark)}` : ''}
<rect width="${width}" height="${height}" fill="${colours.background ?? 'white'}"/>
${shapes.map(write).join('\n')}
</svg>
`;
}
