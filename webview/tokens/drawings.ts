/** @file Small drawings of the Tokens tab, made to measure: divergence by position, by probe, and the label's probability. */

import { svg, type SVGTemplateResult } from 'lit';
import { formatCount, formatShare } from '../../src/protocol/format';
import { markShape } from '../look/marks';
import { wholeTicks } from '../../src/protocol/ticks';
import type { ExampleSummary } from './divergence';
import { heatLevel } from '../../src/protocol/heat';
import { roleNames } from '../look/role-names';

const left = 40;

/** Bars of KL at each position, on a square-root scale up to 1 nat, so that small ones show. */
export function strip(
  width: number,
  summary: ExampleSummary,
  chosen: number,
  choose: (position: number) => void,
): SVGTemplateResult {
  const [height, top, bottom] = [96, 6, 18];
  const n = summary.positions.length;
  const step = (width - left) / n;
  const Y = (kl: number): number => top + (1 - Math.sqrt(Math.min(kl, 1))) * (height - top - bottom);
  const middle = (i: number): number => left + (i + 0.5) * step;
  const clear = Math.ceil(18 / step);
  return svg`
    ${[0.1, 0.3, 1].map(
      (kl) => svg`<line class="grid" x1=${left} x2=${width} y1=${Math.round(Y(kl))} y2=${Math.round(Y(kl))}/>
        <text x=${left - 8} y=${Y(kl) + 4} text-anchor="end">${kl}</text>`,
    )}
    ${summary.positions.map(
      ({ kl }, i) => svg`<rect class="heat" x=${left + i * step + 1} width=${Math.max(1, step - 2)} y=${Y(kl)}
        height=${height - bottom - Y(kl)} fill-opacity=${i === chosen ? 1 : 0.55}/>`,
    )}
    <line class="axis" x1=${left} x2=${width} y1=${height - bottom} y2=${height - bottom}/>
    <line class="here" x1=${middle(chosen)} x2=${middle(chosen)} y1=${height - bottom} y2=${height - bottom + 4}/>
    ${wholeTicks(1, n, Math.min(6, n))
      .map((tick) => tick - 1)
      .filter((i) => i >= 0 && i < n && Math.abs(i - chosen) > clear)
      .map((i) => svg`<text x=${middle(i)} y=${height - 2} text-anchor="middle">${i + 1}</text>`)}
    <text class="now" x=${middle(chosen)} y=${height - 2} text-anchor="middle">${chosen + 1}</text>
    <rect width=${width} height=${height} fill="transparent" cursor="pointer" @click=${(event: MouseEvent) => {
      const i = Math.floor((event.offsetX - left) / step);
      if (i >= 0 && i < n) choose(i);
    }}/>`;
}

export const stripHeight = 96;

export interface Recorded {
  step: number;
  summary: ExampleSummary;
}

/** A row for each probe, a cell for each position, shaded in the five levels of heat. */
export function matrix(
  width: number,
  rowHeight: number,
  recorded: readonly Recorded[],
  chosen: { position: number; step: number },
  choose: (position: number, step: number) => void,
): SVGTemplateResult {
  const n = recorded[0]!.summary.positions.length;
  const cell = (width - left) / n;
  const opacity = [0.04, 0.16, 0.34, 0.6, 1];
  const row = recorded.findIndex(({ step }) => step === chosen.step);
  const every = Math.ceil(16 / rowHeight) * Math.ceil(recorded.length / 8);
  return svg`
    ${recorded.map(({ step, summary }, r) => {
      const y = r * rowHeight;
      const named = r === row || (r % every === 0 && Math.abs(r - row) * rowHeight >= 14);
      return svg`${
        named
          ? svg`<text class=${r === row ? 'now' : ''} x=${left - 8} y=${y + rowHeight / 2 + 4} text-anchor="end">${formatCount(step)}</text>`
          : ''
      }${summary.positions.map(
        ({ kl }, i) => svg`<rect class="heat" x=${left + i * cell + 0.5} y=${y + 0.5} width=${Math.max(0.5, cell - 1)}
          height=${rowHeight - 1} fill-opacity=${opacity[heatLevel(kl)]!}/>`,
      )}`;
    })}
    ${row < 0 ? '' : svg`<rect class="frame" x=${left + 0.5} y=${row * rowHeight} width=${width - left - 1} height=${rowHeight}/>`}
    <rect class="frame" x=${left + chosen.position * cell} y="0" width=${cell} height=${recorded.length * rowHeight}/>
    <rect width=${width} height=${recorded.length * rowHeight} fill="transparent" cursor="pointer"
      @click=${(event: MouseEvent) => {
        const r = recorded[Math.floor(event.offsetY / rowHeight)];
        const i = Math.min(n - 1, Math.max(0, Math.floor((event.offsetX - left) / cell)));
        if (r) choose(i, r.step);
      }}/>`;
}

export interface Growth {
  step: number;
  probability: number;
}

export const growthHeight = 112;

/** The hard label's probability under the student at each probe, with the teacher's as a line. */
export function growth(
  width: number,
  points: readonly Growth[],
  teacher: number,
  shown: number,
  last: number,
): SVGTemplateResult {
  const [top, bottom, axis, right] = [8, 18, 32, 92];
  const height = growthHeight;
  const most = points.reduce((a, { probability }) => Math.max(a, probability), teacher) * 1.04;
  const end = [0.01, 0.02, 0.04, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1].find((value) => value >= most) ?? 1;
  const X = (step: number): number => axis + (step / Math.max(1, last)) * (width - axis - right);
  const Y = (p: number): number => top + (1 - p / end) * (height - top - bottom);
  const here = points.find(({ step }) => step === shown) ?? points.at(-1)!;
  const latest = points.at(-1)!.step;
  const path = points.map(({ step, probability }, i) => `${i === 0 ? 'M' : 'L'}${X(step)} ${Y(probability)}`).join('');
  let [teacherY, studentY] = [Y(teacher), Y(here.probability)];
  if (Math.abs(teacherY - studentY) < 14) {
    if (teacherY <= studentY) [teacherY, studentY] = [Math.min(teacherY, height - bottom - 16), teacherY + 14];
    else [teacherY, studentY] = [studentY + 14, studentY];
  }
  return svg`
    ${[0, end / 2, end].map(
      (
        p,
      ) => svg`<line class=${p === 0 ? 'axis' : 'grid'} x1=${axis} x2=${width - right} y1=${Math.round(Y(p))} y2=${Math.round(Y(p))}/>
        <text x=${axis - 6} y=${Y(p) + 4} text-anchor="end">${p === 0 ? '0' : String(Number(p.toFixed(3))).replace(/^0/, '')}</text>`,
    )}
    ${wholeTicks(0, last, 3).map((step) => svg`<text x=${X(step)} y=${height - 3} text-anchor="middle">${formatCount(step)}</text>`)}
    <line class="cursor" x1=${Math.round(X(here.step)) + 0.5} x2=${Math.round(X(here.step)) + 0.5} y1=${top} y2=${height - bottom}/>
    <line class="curve teacher" x1=${axis} x2=${X(latest)} y1=${Y(teacher)} y2=${Y(teacher)}/>
    <path class="curve student" d=${path}/>
    ${markShape('teacher', X(latest), Y(teacher), 2.6)}
    ${points.map(({ step, probability }) =>
      markShape('student', X(step), Y(probability), step === here.step ? 4 : 2.2, step > here.step),
    )}
    <text class="halo" x=${X(latest) + 10} y=${teacherY + 4}><tspan fill="var(--teacher)">${roleNames.teacher} ${formatShare(teacher)}</tspan></text>
    <text class="halo" x=${X(latest) + 10} y=${studentY + 4}><tspan fill="var(--student)">${roleNames.student} ${formatShare(here.probability)}</tspan></text>`;
}
