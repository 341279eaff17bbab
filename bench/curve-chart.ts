/** @file Draws curves of time over size as an SVG picture that reads on light and on dark pages, one panel each. */

import { straightLine } from './statistics';

export interface Panel {
  title: string;
  series: readonly Series[];
}

interface Series {
  name: string;
  points: readonly { size: number; milliseconds: number }[];
}

const [WIDTH, HEIGHT] = [440, 300];
const EDGE = { left: 56, right: 24, top: 40, bottom: 48 };
const COLOURS = ['#0969da', '#bc4c00'];

/** Side by side, both axes from 0, so that what grows linearly is a straight line. */
export function chart(panels: readonly Panel[]): string {
  const drawn = panels.map((one, index) => `<g transform="translate(${index * WIDTH} 0)">${panel(one)}</g>`);
  const [width, style] = [panels.length * WIDTH, 'font-family="sans-serif" font-size="12" fill="#57606a"'];
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${HEIGHT}" viewBox="0 0 ${width} ${HEIGHT}" ${style}><rect width="100%" height="100%" rx="8" fill="#ffffff"/>${drawn.join('')}</svg>\n`;
}

function panel({ title, series }: Panel): string {
  const points = series.flatMap((one) => one.points);
  const most = { size: Math.max(...points.map((p) => p.size)), time: Math.max(...points.map((p) => p.milliseconds)) };
  const [bottom, right] = [HEIGHT - EDGE.bottom, WIDTH - EDGE.right];
  const x = (size: number): number => EDGE.left + (size / most.size) * (right - EDGE.left);
  const y = (milliseconds: number): number => bottom - (milliseconds / most.time) * (bottom - EDGE.top);
  return [
    ...ticks(most.time).map(
      (time) =>
        `<path d="M${EDGE.left} ${y(time).toFixed(1)}H${right}" stroke="#d8dee4"/><text x="${EDGE.left - 8}" y="${(y(time) + 4).toFixed(1)}" text-anchor="end">${time.toLocaleString('en')}</text>`,
    ),
    ...ticks(most.size).map(
      (size) => `<text x="${x(size).toFixed(1)}" y="${bottom + 18}" text-anchor="middle">${short(size)}</text>`,
    ),
    ...series.map((one, index) => curve(one, COLOURS[index]!, x, y)),
    ...series.map(
      ({ name }, index) =>
        `<circle cx="${EDGE.left + 12}" cy="${EDGE.top + 10 + 18 * index}" r="4" fill="${COLOURS[index]!}"/><text x="${EDGE.left + 22}" y="${EDGE.top + 14 + 18 * index}">${name}</text>`,
    ),
    `<text x="${EDGE.left}" y="22" font-weight="bold">Milliseconds a step over ${title}</text>`,
  ].join('');
}

type Scale = (value: number) => number;

function curve({ points }: Series, colour: string, x: Scale, y: Scale): string {
  const { fixed, slope } = straightLine(points.map(({ size, milliseconds }) => ({ x: size, y: milliseconds })));
  const ends = [Math.min(...points.map((p) => p.size)), Math.max(...points.map((p) => p.size))];
  const line = ends.map((size) => `${x(size).toFixed(1)},${y(fixed + slope * size).toFixed(1)}`).join(' ');
  const dots = points.map(
    ({ size, milliseconds }) =>
      `<circle cx="${x(size).toFixed(1)}" cy="${y(milliseconds).toFixed(1)}" r="4" fill="${colour}"/>`,
  );
  return `<polyline points="${line}" fill="none" stroke="${colour}" stroke-width="1.5" stroke-dasharray="5 4"/>${dots.join('')}`;
}

/** 0 and some round numbers up to the most. */
function ticks(most: number): number[] {
  const power = 10 ** Math.floor(Math.log10(most / 3));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => most / size <= 5)!;
  return Array.from({ length: Math.floor(most / step) + 1 }, (_, index) => index * step);
}

const short = (value: number): string => (value >= 1e6 ? `${value / 1e6} M` : value.toLocaleString('en'));
