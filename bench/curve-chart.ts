/** @file Draws curves of time over size as an SVG picture, one panel each. */

export interface Series {
  title: string;
  points: readonly { size: number; milliseconds: number }[];
}

const [WIDTH, HEIGHT, MARGIN] = [360, 240, 48];

/** One panel a series, side by side, both axes from 0, so that what grows linearly is a straight line. */
export function chart(series: readonly Series[]): string {
  const panels = series.map((one, index) => `<g transform="translate(${index * WIDTH} 0)">${panel(one)}</g>`);
  const size = `width="${series.length * WIDTH}" height="${HEIGHT}"`;
  const style = 'font-family="sans-serif" font-size="11" fill="#57606a"';
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} ${style}><rect width="100%" height="100%" fill="#ffffff"/>${panels.join('')}</svg>\n`;
}

function panel({ title, points }: Series): string {
  const most = { size: Math.max(...points.map((p) => p.size)), time: Math.max(...points.map((p) => p.milliseconds)) };
  const x = (size: number): number => MARGIN + (size / most.size) * (WIDTH - 2 * MARGIN);
  const y = (milliseconds: number): number => HEIGHT - MARGIN - (milliseconds / most.time) * (HEIGHT - 2 * MARGIN);
  const places = points.map(({ size, milliseconds }) => [x(size).toFixed(1), y(milliseconds).toFixed(1)] as const);
  const line = places.map((place) => place.join(',')).join(' ');
  const dots = places.map(([cx, cy]) => `<circle cx="${cx}" cy="${cy}" r="3" fill="#0969da"/>`);
  const [bottom, left] = [HEIGHT - MARGIN, MARGIN];
  return [
    `<path d="M${left} ${MARGIN}V${bottom}H${WIDTH - MARGIN}" fill="none" stroke="#8c959f"/>`,
    `<polyline points="${line}" fill="none" stroke="#0969da" stroke-width="2"/>`,
    ...dots,
    `<text x="${WIDTH / 2}" y="${HEIGHT - 12}" text-anchor="middle">${title}</text>`,
    `<text x="${WIDTH - MARGIN}" y="${bottom + 16}" text-anchor="end">${most.size.toLocaleString('en')}</text>`,
    `<text x="${left}" y="${bottom + 16}" text-anchor="middle">0</text>`,
    `<text x="${left}" y="${MARGIN - 10}" text-anchor="start">${most.time.toFixed(0)} ms a step</text>`,
  ].join('');
}
