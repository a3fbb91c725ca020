// SPDX-License-Identifier: Apache-2.0
// Lines over time, drawn as SVG in the page's own colours. The same figures stand in a table beside it, for who cannot see it.
import { number } from '../../../lib/format';

export interface Series {
  title: string;
  values: number[];
}

const WIDE = 1080;
const NARROW = 360; // on a phone, where the labels of a wide one could not be read
const HEIGHT = 260;
const LEFT = 48;
const BOTTOM = 24;
const TOP = 10;
const RIGHT = 14;

/** A round number not below n: 1, 2 or 5 by a power of ten. */
function ceiling(n: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(n, 1)));
  for (const step of [1, 2, 5, 10]) if (step * power >= n) return step * power;
  return 10 * power;
}

export function Chart({ label, at, series }: { label: string; at: string[]; series: Series[] }) {
  const top = Math.max(4, ceiling(Math.max(1, ...series.flatMap((one) => one.values))));
  const isNarrow = matchMedia('(max-width: 560px)').matches;
  const width = isNarrow ? NARROW : WIDE;
  const x = (i: number) => LEFT + (at.length > 1 ? (i * (width - LEFT - RIGHT)) / (at.length - 1) : (width - LEFT - RIGHT) / 2);
  const y = (n: number) => TOP + (1 - n / top) * (HEIGHT - TOP - BOTTOM);
  const every = Math.max(1, Math.ceil(at.length / (isNarrow ? 3 : 7)));
  return (
    <figure class="stack" style={{ margin: 0 }}>
      <svg class="chart" viewBox={`0 0 ${width} ${HEIGHT}`} role="img" aria-label={label}>
        {[0, 0.25, 0.5, 0.75, 1].map((part) => (
          <g key={part}>
            <line class="axis" x1={LEFT} x2={width - RIGHT} y1={y(part * top)} y2={y(part * top)} />
            <text x={LEFT - 8} y={y(part * top) + 4} text-anchor="end">
              {number(Math.round(part * top * 10) / 10)}
            </text>
          </g>
        ))}
        {at.map((name, i) =>
          i % every === 0 ? (
            <text key={name + i} x={x(i)} y={HEIGHT - 6} text-anchor={at.length > 1 && i === 0 ? 'start' : at.length > 1 && i === at.length - 1 ? 'end' : 'middle'}>
              {name}
            </text>
          ) : null,
        )}
        {series.map((one, n) => (
          <g key={one.title} class={`series-${n}`}>
            <polyline class="line" points={one.values.map((value, i) => `${x(i)},${y(value)}`).join(' ')} />
            {one.values.length < 40 && one.values.map((value, i) => <circle key={i} cx={x(i)} cy={y(value)} r={2.5} fill="var(--tone)" />)}
          </g>
        ))}
      </svg>
      <figcaption class="chart-legend">
        {series.map((one, n) => (
          <span key={one.title} class={`series-${n}`}>
            <i />
            {one.title}
          </span>
        ))}
      </figcaption>
    </figure>
  );
}
