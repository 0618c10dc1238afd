import type { Report } from './report.ts';

const rowHeight = 26;
const barHeight = 16;
const titleWidth = 330;
const barWidth = 480;
const valueWidth = 110;
const headHeight = 46;
/** Cases with large bodies would shrink all other bars. */
const maxTimesPeer = 25;
const what = 'CPU a request, median of the rounds, and from their least to their most';

/** Draws CPU a request as bars with the spread of the rounds (SVG 1.1). */
export function toSvg({ setting, results }: Report): string {
  const peer = results.find(({ name }) => name === 'peer')?.cpuMicroseconds ?? Infinity;
  const rows = results.filter((one) => one.cpuMicroseconds <= peer * maxTimesPeer);
  const max = Math.max(...rows.map(({ cpuSpread }) => cpuSpread[1]));
  const x = (value: number) => titleWidth + (value / max) * barWidth;
  const width = titleWidth + barWidth + valueWidth;
  const height = headHeight + rows.length * rowHeight + 10;
  const bars = rows.flatMap(({ title, name, cpuMicroseconds, cpuSpread: [min, top] }, i) => {
    const y = headHeight + i * rowHeight;
    const middle = y + barHeight / 2;
    const kind = /^(?:warm|cold|keyserver)/.test(name) ? 'ours' : 'peer';
    return [
      `<text x="${titleWidth - 10}" y="${middle + 4}" text-anchor="end">${encoded(title)}</text>`,
      `<rect class="${kind}" x="${titleWidth}" y="${y}" width="${round(x(cpuMicroseconds) - titleWidth)}" height="${barHeight}"/>`,
      `<path class="spread" d="M${round(x(min))} ${middle}H${round(x(top))}"/>`,
      `<text x="${round(x(Math.max(cpuMicroseconds, top)) + 8)}" y="${middle + 4}">${cpuMicroseconds.toFixed(0)} µs</text>`,
    ];
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">`,
    `<title>${what}</title>`,
    '<style>text{fill:#222}.ours{fill:#2a6fb0}.peer{fill:#b9c4cf}.spread{stroke:#222;stroke-width:1.5}</style>',
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    `<text x="10" y="18" font-size="14" font-weight="bold">${what}</text>`,
    `<text x="10" y="35">${encoded(`${setting.cpu}, Node ${setting.node}; blue: SecureProxy and KeyServer, grey: peers`)}</text>`,
    ...bars,
    '</svg>',
    '',
  ].join('\n');
}

function round(value: number): string {
  return value.toFixed(1);
}

function encoded(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
