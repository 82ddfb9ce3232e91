// The ground of all charts: packed numbers, colours of the theme, words for values, one tooltip, ranges of time.
const byId = (id) => document.getElementById(id);
const page = JSON.parse(byId('plots').textContent);
const charts = [];
const groups = {};

// Undo packing.py: deflated planes of bytes, differences, whole steps above a base; -1 stands for what does not exist.
async function unpack() {
  const text = atob(byId('pack').textContent.trim());
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate'));
  const raw = new Uint8Array(await new Response(stream).arrayBuffer());
  return page.columns.map(({ n, at, base, step }) => {
    const out = new Float64Array(n);
    const places = step < 1 ? Math.round(-Math.log10(step)) : 0;
    const scale = 10 ** places;
    const decimal = step >= 1 || Math.abs(step * scale - 1) < 1e-9;
    let sum = 0;
    for (let i = 0; i < n; i++) {
      const z = (raw[at + i] | (raw[at + n + i] << 8) | (raw[at + 2 * n + i] << 16) | (raw[at + 3 * n + i] << 24)) >>> 0;
      sum += (z & 1) ? -(z >>> 1) - 1 : z >>> 1;
      if (sum < 0) out[i] = NaN;
      else out[i] = decimal && step < 1 ? Math.round((base + sum * step) * scale) / scale : base + sum * step;
    }
    return out;
  });
}

// Text with a rim of the card's colour, so that lines behind it do not run through it.
function label(pen, word, x, y) {
  pen.strokeStyle = paint.card; pen.lineWidth = 4; pen.lineJoin = 'round'; pen.strokeText(word, x, y); pen.fillText(word, x, y);
}
let paint = {};
function readTheme() {
  const style = getComputedStyle(document.documentElement);
  for (const name of ['paper', 'card', 'ink', 'soft', 'rule', 'faint', 'c1', 'c2', 'c3', 'c4', 'c5', 'c6', 'plus', 'minus']) {
    paint[name] = style.getPropertyValue('--' + name).trim();
  }
}
const faded = (colour, alpha) => colour + Math.round(alpha * 255).toString(16).padStart(2, '0');

// Words for values: what a reader sees in axes and tooltips.
function digits(v, least = 0, most = 2) {
  return v.toLocaleString('en-US', { minimumFractionDigits: least, maximumFractionDigits: most });
}
function written(v, kind) {
  if (!Number.isFinite(v)) return 'n/a';
  if (kind === 'share') return digits(v * 100, 2, 2) + '%';
  if (kind === 'count') return digits(v, 0, 0);
  if (kind === 'ratio') return digits(v, 2, 2);
  if (kind === 'hours') return lasting(v * 36e5);
  if (kind === 'price') return v !== 0 && Math.abs(v) < 1e-4 ? v.toPrecision(5) : Number(v.toPrecision(9)).toLocaleString('en-US', { maximumFractionDigits: 10 });
  return Math.abs(v) >= 1 || v === 0 ? digits(v, 2, 2) : v.toPrecision(4);
}
function lasting(ms) {
  if (ms < 6e4) return digits(ms / 1e3, 0, 0) + ' s';
  if (ms < 36e5) return digits(ms / 6e4, 0, 1) + ' min';
  return ms < 1728e5 ? digits(ms / 36e5, 0, 1) + ' h' : digits(ms / 864e5, 0, 1) + ' days';
}
const iso = (ms) => new Date(ms).toISOString();
const clock = (ms) => ms % 864e5 === 0 ? iso(ms).slice(0, 10) : iso(ms).slice(0, ms % 6e4 ? 19 : 16).replace('T', ' ');
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

function niceTicks(lo, hi, most) {
  const raw = (hi - lo) / most;
  if (!(raw > 0)) return [lo];
  const size = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map((f) => f * size).find((s) => s >= raw * (1 - 1e-9));
  const ticks = [];
  for (let k = Math.ceil(lo / step - 1e-9); k * step <= hi + 1e-9 * step; k++) ticks.push(Number((k * step).toPrecision(12)));
  return ticks;
}
function logTicks(lo, hi, most) {
  const steps = [];
  for (let e = Math.floor(Math.log10(lo)); e <= Math.ceil(Math.log10(hi)); e++) for (const m of [1, 2, 5]) steps.push(m * 10 ** e);
  const inside = steps.filter((v) => v >= lo && v <= hi);
  return inside.length >= 2 && inside.length <= most ? inside : niceTicks(lo, hi, most);
}
function axisWords(ticks, kind) {
  const step = ticks.length > 1 ? Math.min(...ticks.slice(1).map((v, i) => v - ticks[i])) : Math.abs(ticks[0]) || 1;
  const shown = kind === 'share' ? step * 100 : step;
  let places = Math.max(0, Math.min(10, Math.ceil(-Math.log10(shown) - 1e-9)));
  if (places < 10 && Math.abs(shown * 10 ** places - Math.round(shown * 10 ** places)) > 1e-6) places++;
  return ticks.map((v) => {
    if (kind === 'share') return digits(v * 100, places, places) + '%';
    if (kind === 'hours') return lasting(v * 36e5);
    return Math.abs(v) >= 1e9 || (v !== 0 && Math.abs(v) < 1e-6) ? v.toPrecision(3) : digits(v, places, places);
  });
}
const STEPS = [1e3, 5e3, 15e3, 3e4, 6e4, 3e5, 9e5, 18e5, 36e5, 108e5, 216e5, 432e5, 864e5, 1728e5, 3456e5, 6048e5, 12096e5];
function timeTicks(a, b, width) {
  const most = Math.max(3, Math.floor(width / 66));
  const step = STEPS.find((s) => (b - a) / s <= most);
  const ticks = [];
  if (step) {
    for (let t = Math.ceil(a / step) * step; t <= b; t += step) {
      const d = new Date(t), midnight = t % 864e5 === 0;
      ticks.push([t, midnight || step >= 864e5 ? MONTHS[d.getUTCMonth()] + ' ' + d.getUTCDate() : iso(t).slice(11, step < 6e4 ? 19 : 16)]);
    }
  } else {
    const months = (b - a) / 2629746e3;
    const each = [1, 2, 3, 6, 12, 24, 60, 120].find((n) => months / n <= most) || 240;
    const first = new Date(a);
    for (let m = Math.ceil((first.getUTCFullYear() * 12 + first.getUTCMonth()) / each) * each; ; m += each) {
      const t = Date.UTC(Math.floor(m / 12), m % 12, 1);
      if (t > b) break;
      if (t >= a) ticks.push([t, each >= 12 ? String(Math.floor(m / 12)) : MONTHS[m % 12] + (m % 12 === 0 || !ticks.length ? ' ' + Math.floor(m / 12) : '')]);
    }
  }
  return ticks;
}

// The first place in a rising column whose value is not below v.
function lower(column, v) {
  let lo = 0, hi = column.length;
  while (lo < hi) { const mid = (lo + hi) >> 1; if (column[mid] < v) lo = mid + 1; else hi = mid; }
  return lo;
}

const tip = byId('tip');
function showTip(lines, x, y) {
  if (!lines || !lines.length) { tip.style.display = 'none'; return; }
  tip.textContent = lines.join('\n');
  tip.style.display = 'block';
  const { offsetWidth: w, offsetHeight: h } = tip;
  tip.style.left = Math.max(4, Math.min(x + 14 + w > innerWidth ? x - w - 14 : x + 14, innerWidth - w - 4)) + 'px';
  tip.style.top = Math.max(4, y + 16 + h > innerHeight ? y - h - 12 : y + 16) + 'px';
}

// A chart: a canvas that fills its figure, drawn again on every change of size, theme or range.
function newChart(figure, spec, kind) {
  const canvas = figure.querySelector('canvas');
  const chart = { figure, canvas, spec, kind, pen: canvas.getContext('2d'), w: 0, h: 0, drawn: 0 };
  chart.paint = () => {
    const ratio = Math.min(window.devicePixelRatio || 1, 3);
    chart.w = canvas.clientWidth; chart.h = canvas.clientHeight;
    if (!chart.w) return;
    const wide = Math.round(chart.w * ratio), high = Math.round(chart.h * ratio);
    if (canvas.width !== wide || canvas.height !== high) { canvas.width = wide; canvas.height = high; }
    chart.pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    chart.pen.clearRect(0, 0, chart.w, chart.h);
    chart.pen.font = '11.5px ' + getComputedStyle(document.body).fontFamily;
    kind.draw(chart);
    chart.drawn++;
    canvas.dataset.drawn = chart.drawn;
  };
  let asked = false;
  chart.redraw = () => { if (!asked) { asked = true; requestAnimationFrame(() => { asked = false; chart.paint(); }); } };
  new ResizeObserver(chart.redraw).observe(canvas);
  charts.push(chart);
  return chart;
}

// The frame of a chart: its inner box, grid and labels. `low` and `high` are the values at the bottom and the top.
function frame(chart, low, high, kind, log, ticksX) {
  const { pen, w, h } = chart;
  let ticks = log ? logTicks(low, high, 6) : niceTicks(low, high, Math.max(2, Math.floor(h / 40)));
  for (let most = Math.floor(h / 40) + 1; !log && ticks.length < 3 && most <= h / 16; most++) ticks = niceTicks(low, high, most);  // one label says nothing
  const words = axisWords(ticks, kind);
  const left = Math.ceil(Math.max(chart.group ? 52 : 24, ...words.map((t) => pen.measureText(t).width))) + 10;
  const box = { left, right: w - 8, top: 8, bottom: h - 22 };
  const f = log ? Math.log : (v) => v, flow = f(low), fhigh = f(high);
  box.y = (v) => box.bottom - ((f(v) - flow) / (fhigh - flow)) * (box.bottom - box.top);
  box.value = (y) => { const z = flow + ((box.bottom - y) / (box.bottom - box.top)) * (fhigh - flow); return log ? Math.exp(z) : z; };
  pen.lineWidth = 1; pen.textBaseline = 'middle'; pen.textAlign = 'right';
  ticks.forEach((v, i) => {
    const y = Math.round(box.y(v)) + 0.5;
    pen.strokeStyle = paint.rule; pen.beginPath(); pen.moveTo(box.left, y); pen.lineTo(box.right, y); pen.stroke();
    pen.fillStyle = paint.soft; pen.fillText(words[i], box.left - 7, y);
  });
  chart.box = box;
  pen.textBaseline = 'top'; pen.textAlign = 'center';
  let free = -1e9;
  for (const [place, word] of ticksX(box)) {
    const half = pen.measureText(word).width / 2;
    const x = Math.min(Math.max(place, box.left + half - 8), w - half - 2);
    if (x - half < free + 10 || place < box.left - 1 || place > box.right + 1) continue;
    pen.fillStyle = paint.soft; pen.fillText(word, x, box.bottom + 7);
    pen.strokeStyle = paint.rule; pen.beginPath(); pen.moveTo(Math.round(place) + 0.5, box.bottom); pen.lineTo(Math.round(place) + 0.5, box.bottom + 4); pen.stroke();
    free = x + half;
  }
  return box;
}
function inside(chart, doing) {
  const { pen, box } = chart;
  pen.save(); pen.beginPath(); pen.rect(box.left, box.top - 6, box.right - box.left, box.bottom - box.top + 12); pen.clip();
  doing(); pen.restore();
}

// Charts of one group show the same range of time.
function join(chart, name, first, last, least) {
  const group = groups[name] ||= { first, last, a: first, b: last, least, members: [], cursor: NaN };
  group.first = Math.min(group.first, first); group.last = Math.max(group.last, last);
  group.a = group.first; group.b = group.last; group.least = Math.min(group.least, least);
  group.members.push(chart);
  chart.group = group;
}
function setRange(group, a, b) {
  const width = Math.min(Math.max(b - a, group.least), group.last - group.first);
  const middle = (a + b) / 2;
  group.a = Math.min(Math.max(middle - width / 2, group.first), group.last - width);
  group.b = group.a + width;
  for (const chart of group.members) chart.redraw();
  document.dispatchEvent(new CustomEvent('range'));
}
function setCursor(group, t) {
  group.cursor = t;
  for (const chart of group.members) chart.redraw();
}
const timeAt = (chart, x) => chart.group.a + ((x - chart.box.left) / (chart.box.right - chart.box.left)) * (chart.group.b - chart.group.a);
const placeOf = (chart, t) => chart.box.left + ((t - chart.group.a) / (chart.group.b - chart.group.a)) * (chart.box.right - chart.box.left);

// Pointer, wheel and keys on a chart of time: drag selects, two fingers pinch, arrows move, + and - zoom.
function zoomable(chart) {
  const { canvas, group } = chart;
  const fingers = new Map();
  let from = null;
  const at = (event) => event.clientX - canvas.getBoundingClientRect().left;
  const zoom = (factor, t) => { const { a, b } = group, m = t ?? (a + b) / 2; setRange(group, m - (m - a) * factor, m + (b - m) * factor); };
  const move = (share) => { const d = (group.b - group.a) * share; setRange(group, group.a + d, group.b + d); };
  canvas.addEventListener('pointerdown', (event) => {
    fingers.set(event.pointerId, at(event));
    from = { x: at(event), a: group.a, b: group.b, touch: event.pointerType === 'touch' };
    if (fingers.size === 2) { const [p, q] = [...fingers.values()]; from.gap = Math.abs(p - q); from.t = timeAt(chart, (p + q) / 2); }
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener('pointermove', (event) => {
    if (!chart.box) return;
    const x = at(event);
    if (fingers.has(event.pointerId)) fingers.set(event.pointerId, x);
    if (from && fingers.size === 2) {
      const [p, q] = [...fingers.values()], factor = from.gap / Math.max(Math.abs(p - q), 8);
      setRange(group, from.t - (from.t - from.a) * factor, from.t + (from.b - from.t) * factor);
    } else if (from && from.touch && fingers.size === 1) {
      const d = (from.x - x) / (chart.box.right - chart.box.left) * (from.b - from.a);
      setRange(group, from.a + d, from.b + d);
    } else if (from && fingers.size) { chart.chosen = [from.x, x]; chart.redraw(); }
    setCursor(group, timeAt(chart, x));
    showTip(chart.kind.says(chart, x, event.offsetY), event.clientX, event.clientY);
  });
  const done = (event) => {
    fingers.delete(event.pointerId);
    const [x1, x2] = chart.chosen || [0, 0];
    chart.chosen = null;
    if (Math.abs(x2 - x1) > 6) setRange(group, timeAt(chart, Math.min(x1, x2)), timeAt(chart, Math.max(x1, x2)));
    if (!fingers.size) from = null;
    chart.redraw();
  };
  canvas.addEventListener('pointerup', done);
  canvas.addEventListener('pointercancel', done);
  canvas.addEventListener('pointerleave', () => { setCursor(group, NaN); showTip(); });
  canvas.addEventListener('dblclick', () => setRange(group, group.first, group.last));
  canvas.addEventListener('wheel', (event) => {
    if (!event.ctrlKey && !event.metaKey) return;  // the wheel alone scrolls the page
    event.preventDefault();
    zoom(event.deltaY > 0 ? 1.25 : 0.8, timeAt(chart, at(event)));
  }, { passive: false });
  const keys = { '+': () => zoom(0.5), '=': () => zoom(0.5), '-': () => zoom(2), ArrowLeft: () => move(-0.25), ArrowRight: () => move(0.25), '0': () => setRange(group, group.first, group.last), Escape: () => setRange(group, group.first, group.last) };
  canvas.addEventListener('keydown', (event) => { const doing = keys[event.key]; if (doing) { event.preventDefault(); doing(); } });
  const buttons = { in: keys['+'], out: keys['-'], left: keys.ArrowLeft, right: keys.ArrowRight, all: keys['0'] };
  for (const [name, doing] of Object.entries(buttons)) chart.figure.querySelector(`[data-do="${name}"]`)?.addEventListener('click', doing);
}
function overlay(chart) {
  const { pen, box, group, chosen } = chart;
  if (chosen) {
    pen.fillStyle = faded(paint.c1, 0.15);
    pen.fillRect(Math.min(...chosen), box.top, Math.abs(chosen[1] - chosen[0]), box.bottom - box.top);
  }
  if (group.cursor >= group.a && group.cursor <= group.b) {
    const x = Math.round(placeOf(chart, group.cursor)) + 0.5;
    pen.strokeStyle = paint.soft; pen.lineWidth = 1; pen.setLineDash([3, 3]);
    pen.beginPath(); pen.moveTo(x, box.top); pen.lineTo(x, box.bottom); pen.stroke(); pen.setLineDash([]);
  }
}
